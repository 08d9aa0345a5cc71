package wan4j.cli;

import java.util.Locale;
import picocli.CommandLine.Option;
import wan4j.Device;
import wan4j.EngineOptions.Recording;
import wan4j.tensor.InputException;

/// The flags of the reference's compilation. Kernels are always compiled here; what there is to
/// choose is whether a GPU records whole forwards as CUDA graphs.
public final class CompileOptions {
  @Option(
      names = "--compile",
      arity = "0..1",
      fallbackValue = "True",
      paramLabel = "True|False|auto",
      description =
          "True to record the forwards of a GPU as CUDA graphs and play the records, False not to;"
              + " the video is the same (default: auto, where forwards are short).")
  private String compile;

  @Option(
      names = "--compile_mode",
      paramLabel = "MODE",
      description =
          "default, reduce-overhead and max-autotune mean --compile True, since kernels are"
              + " compiled and their algorithms known in each; max-autotune-no-cudagraphs means"
              + " False.")
  private String mode;

  /// Returns what is recorded on a device; throws `InputException` for other values and for flags
  /// that exclude each other.
  public Recording recording(Device device) {
    Recording byFlag = compile == null ? null : byFlag();
    Recording byMode = mode == null ? null : byMode();
    if (byFlag != null && byMode != null && byFlag != Recording.AUTO && byFlag != byMode) {
      throw new InputException(
          "--compile %s and --compile_mode %s were both given, which exclude each other; leave one out"
              .formatted(compile, mode));
    }
    Recording chosen = byMode != null ? byMode : byFlag != null ? byFlag : Recording.AUTO;
    if (chosen == Recording.ALWAYS && device == Device.CPU) {
      throw new InputException(
          "%s was given, but only a GPU records forwards as CUDA graphs; leave it out"
              .formatted(byFlag == Recording.ALWAYS ? "--compile" : "--compile_mode"));
    }
    return chosen;
  }

  private Recording byFlag() {
    if (compile.equalsIgnoreCase("auto")) {
      return Recording.AUTO;
    }
    return Flags.isTrue("--compile", compile, true) ? Recording.ALWAYS : Recording.NEVER;
  }

  private Recording byMode() {
    return switch (mode.toLowerCase(Locale.ROOT)) {
      case "default", "reduce-overhead", "max-autotune" -> Recording.ALWAYS;
      case "max-autotune-no-cudagraphs" -> Recording.NEVER;
      default ->
          throw new InputException(
              "--compile_mode got \"%s\"; give default, reduce-overhead, max-autotune or max-autotune-no-cudagraphs"
                  .formatted(mode));
    };
  }
}
