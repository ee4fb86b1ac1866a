// The messages of the reader's language, which the server puts in front of the bundle: a message is one text,
// or a text for each plural category.

export const catalogue: Record<string, string | Record<string, string>>;
