package wan4j.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import wan4j.Conversion;
import wan4j.Device;
import wan4j.Quantization;
import wan4j.tensor.InputException;

/// `wan4j convert`: a checkpoint with its transformers in FP8.
@Command(
    name = "convert",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = {
      "Writes a checkpoint again with its transformers in FP8.",
      "Half the size of bf16, nothing to quantise when it is loaded, and the same videos to the"
          + " bit",
      "as --quantize with the same recipe. generate --ckpt_dir takes it like any other, and runs"
          + " it",
      "in FP8 without further flags.",
    })
final class ConvertCommand implements Callable<Integer> {
  @Parameters(arity = "1", paramLabel = "CKPT", description = "The folder of the checkpoint.")
  private Path checkpoint;

  @Option(
      names = "--fp8_recipe",
      description =
          "PerTokenScaling (default), Float8CurrentScaling, DelayedScaling or Float8BlockScaling.")
  private String recipe;

  @Option(
      names = "--fp8_skip",
      split = ",",
      description = "Layers that stay as they are, such as blocks.0,blocks.*.ffn.2.")
  private List<String> skipped = List.of();

  @Option(
      names = {"-o", "--out"},
      required = true,
      description = "The folder of the converted checkpoint, new or empty.")
  private Path out;

  @Option(
      names = "--device",
      description =
          "cpu or cuda (default: cuda where this machine has a Hopper GPU, else cpu); the files are"
              + " the same.")
  private String device;

  @Mixin private ReportOptions report;

  @Override
  public Integer call() {
    if (out.toString().isEmpty()) {
      throw new InputException("--out got an empty name; give a new folder");
    }
    var chosen = recipe == null ? Quantization.Recipe.DEFAULT : Quantization.Recipe.of(recipe);
    Device where = device == null ? Device.preferred() : Device.of(device);
    try (var progress = report.progress()) {
      Conversion.Result result =
          Conversion.run(checkpoint, out, new Quantization(chosen, skipped), where, progress);
      progress.says(
          String.format(
              Locale.ROOT,
              "%s holds %s in FP8 (%s): transformers of %,.1f MB became %,.1f MB",
              out,
              checkpoint,
              chosen.spelling(),
              result.bytesBefore() / 1e6,
              result.bytesAfter() / 1e6));
    }
    return 0;
  }
}
