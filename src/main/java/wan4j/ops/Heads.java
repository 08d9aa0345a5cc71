package wan4j.ops;

import wan4j.tensor.Tensor;

/// Queries, keys and values of an attention: `[tokens, heads, head size]` each; keys and values may
/// have another number of tokens than the queries.
public record Heads(Tensor query, Tensor key, Tensor value) {}
