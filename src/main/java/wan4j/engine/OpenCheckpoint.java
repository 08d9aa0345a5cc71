package wan4j.engine;

import java.util.HashSet;
import java.util.Set;
import wan4j.Quantization;
import wan4j.Task;
import wan4j.pipeline.CheckpointTokenizer;
import wan4j.text.Tokenizer;
import wan4j.weights.Checkpoint;
import wan4j.weights.TransformerConfig;

/// What all networks made from an open checkpoint share: its sizes, its tokenizer and the knowledge
/// that its tensors are those of its networks. The checkpoint stays its opener's.
public final class OpenCheckpoint {
  private final Checkpoint checkpoint;
  private final Task task;
  private final TransformerConfig config;
  private final Set<Quantization> checked = new HashSet<>();
  private Tokenizer tokenizer;

  /// Looks at an open checkpoint; throws `InputException` when this build cannot do its task.
  public OpenCheckpoint(Checkpoint checkpoint) {
    this.checkpoint = checkpoint;
    task = Task.of(checkpoint.kind().task());
    config = checkpoint.config();
  }

  Checkpoint checkpoint() {
    return checkpoint;
  }

  Task task() {
    return task;
  }

  TransformerConfig config() {
    return config;
  }

  /// Returns the tokenizer, loaded when first asked for.
  Tokenizer tokenizer() {
    if (tokenizer == null) {
      tokenizer = CheckpointTokenizer.of(checkpoint);
    }
    return tokenizer;
  }

  /// Throws `InputException` when a network lacks a tensor or has a wrong one, or when a
  /// quantisation names a layer that there is not; looks once for each quantisation.
  void require(Quantization quantization) {
    if (!checked.contains(quantization)) {
      CheckpointCheck.require(checkpoint, config, quantization);
      checked.add(quantization);
    }
  }
}
