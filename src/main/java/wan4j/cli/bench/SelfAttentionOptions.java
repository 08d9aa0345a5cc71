package wan4j.cli.bench;

import picocli.CommandLine.Option;
import wan4j.AttentionSettings.Attention;
import wan4j.tensor.InputException;

/// The flag that says how self-attention of the measured networks computes.
final class SelfAttentionOptions {
  @Option(
      names = "--attention",
      defaultValue = "auto",
      description = "Self-attention: auto, bf16, int8, fp8, int8qk or int8pv (default: auto).")
  private String attention;

  /// Returns the attention; throws `InputException` for names that there are not, and for cuDNN's.
  Attention attention() {
    Attention chosen = Attention.of(attention);
    if (chosen == Attention.CUDNN) {
      throw new InputException(
          "--attention cudnn was given, but this benchmark runs wan4j's kernels; leave it out, or"
              + " use bench attention, which measures both");
    }
    return chosen;
  }
}
