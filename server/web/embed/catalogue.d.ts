// The messages of the loader in every language, by its code: the server puts them in front of the bundle.

export const catalogue: Record<string, any>;
