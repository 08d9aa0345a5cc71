package wan4j.model;

import java.util.List;
import wan4j.tensor.Tensor;

/// What a prompt, a picture or faces give every block that looks at them: the keys and values of
/// cross-attention, `[keys, heads, head size]` each; they are the same for all steps of a clip.
public record TextKeys(List<Tensor> keys, List<Tensor> values) {}
