#!/usr/bin/env python3
"""Writes a language model of under a megabyte: `tiny.py FILE`.

It is a real model for real servers, of the architecture of llama, and needs no download. Its attention and its
feed-forward are zero, so the token that follows depends on the token before alone: it says fixed texts. The
last words of a question choose the text:

  (endless)   two words, for ever
  (thinking)  a thought in <think>, then an answer
  (hostile)   markup, ends of lines, a mark that turns the direction of text, an emoji in four tokens
  (mute)      nothing
  else        a sentence
"""
import sys

import gguf
import numpy

# Each text begins after its first token. No token has two that follow it, and none that people type at the end
# of a question is part of a text.
SENTENCE = "<anything else>"
TEXTS = [
    [SENTENCE, "▁Rain", "▁falls", "▁because", "▁clouds", "▁grow", "▁heavy,", "▁and", "▁drops", "▁join.", "</s>"],
    ["(endless)", "▁tick", "▁tock", "▁tick"],
    ["(thinking)", "<think>", "▁Is", "▁it", "▁seven?", "</think>", "▁Seven,", "▁of", "▁course.", "</s>"],
    [
        *["(hostile)", "▁<script>", "alert(1)", "</script>", "\n", "data:", "▁1/2", "\r", "id:", "▁3/4", "\n\n"],
        *["@all", "\u202e", "▁![](http://192.0.2.1/x.png)", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "</s>"],
    ],
    ["(mute)", "</s>"],
]
CHOICES = [text[0] for text in TEXTS[1:]]
# What people must not be able to type.
CONTROL = ["<|im_start|>", "<|im_end|>"]
# Without an end of a line at the end: the question is last.
TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}"
    "{% if not loop.last %}\n{% endif %}{% endfor %}"
)

WIDTH = 128
HEADS = 2
FEED_FORWARD = 32
CONTEXT = 1 << 17


def vocabulary():
    """Returns the tokens, each with its kind."""
    kind = gguf.TokenType
    words = [token for text in TEXTS for token in text if token != SENTENCE]
    letters = [*map(chr, range(0x20, 0x7F)), "▁"]
    # The first three are known by their places. The last of two kinds of a token counts.
    return (
        {"<unk>": kind.UNKNOWN, "<s>": kind.CONTROL, "</s>": kind.CONTROL}
        | dict.fromkeys([*letters, *words], kind.NORMAL)
        | {f"<0x{byte:02X}>": kind.BYTE for byte in range(256)}
        | dict.fromkeys(["</s>", *CONTROL], kind.CONTROL)
        # Found in any text as they stand.
        | dict.fromkeys([*CHOICES, "<think>", "</think>"], kind.USER_DEFINED)
    )


def matrices(tokens):
    """Returns the embedding and the output: a token's own dimension leads to the token that follows it."""
    place = {token: at for at, token in enumerate(tokens)}
    steps = [step for text in TEXTS for step in zip(text, text[1:])]
    dimension = {token: at for at, token in enumerate(dict.fromkeys(before for before, _ in steps))}
    assert len(dimension) <= WIDTH and len(steps) == len(dict(steps)) == len(dimension)
    embedding = numpy.zeros((len(tokens), WIDTH), numpy.float32)
    embedding[:, dimension[SENTENCE]] = 1
    output = numpy.zeros((len(tokens), WIDTH), numpy.float32)
    for before, after in steps:
        if before != SENTENCE:
            embedding[place[before]] = 0
            embedding[place[before], dimension[before]] = 1
        output[place[after], dimension[before]] = 5
    return embedding, output


def write(path):
    """Writes the model to a file."""
    tokens = vocabulary()
    embedding, output = matrices(tokens)
    file = gguf.GGUFWriter(path, "llama")
    file.add_name("tiny")
    file.add_context_length(CONTEXT)
    file.add_embedding_length(WIDTH)
    file.add_block_count(1)
    file.add_feed_forward_length(FEED_FORWARD)
    file.add_head_count(HEADS)
    file.add_head_count_kv(HEADS)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(WIDTH // HEADS)
    file.add_vocab_size(len(tokens))
    file.add_tokenizer_model("llama")
    file.add_tokenizer_pre("default")
    file.add_token_list([token.encode() for token in tokens])
    file.add_token_scores([-float(at) for at in range(len(tokens))])
    file.add_token_types([int(kind) for kind in tokens.values()])
    file.add_unk_token_id(0)
    file.add_bos_token_id(1)
    file.add_eos_token_id(2)
    file.add_add_bos_token(True)
    file.add_add_eos_token(False)
    file.add_chat_template(TEMPLATE)
    one, square = numpy.ones(WIDTH, numpy.float32), numpy.zeros((WIDTH, WIDTH), numpy.float32)
    across = numpy.zeros((FEED_FORWARD, WIDTH), numpy.float32)
    file.add_tensor("token_embd.weight", embedding)
    file.add_tensor("blk.0.attn_norm.weight", one)
    for name in ["attn_q", "attn_k", "attn_v", "attn_output"]:
        file.add_tensor(f"blk.0.{name}.weight", square)
    file.add_tensor("blk.0.ffn_norm.weight", one)
    file.add_tensor("blk.0.ffn_gate.weight", across)
    file.add_tensor("blk.0.ffn_up.weight", across)
    file.add_tensor("blk.0.ffn_down.weight", across.T.copy())
    file.add_tensor("output_norm.weight", one)
    file.add_tensor("output.weight", output)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


if __name__ == "__main__":
    write(sys.argv[1])
