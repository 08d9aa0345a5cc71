package wan4j.model;

import java.util.List;
import wan4j.tensor.Tensor;

/// The cross-attention keys and values of one prompt for every block, `[text length, heads, head
/// size]` each; they are the same for all steps of a request.
public record TextKeys(List<Tensor> keys, List<Tensor> values) {}
