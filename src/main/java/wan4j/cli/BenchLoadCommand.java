package wan4j.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import wan4j.Task;
import wan4j.bench.LoadBenchmark;
import wan4j.bench.TransformerLoadBenchmark;
import wan4j.bench.TransformerLoadBenchmark.Form;
import wan4j.tensor.InputException;

/// `wan4j bench load`: files of tensors, or of whole transformers in bfloat16 or FP8.
@Command(
    name = "load",
    mixinStandardHelpOptions = true,
    description = "Loading of weights that are in the page cache, from files that it writes.")
final class BenchLoadCommand implements Callable<Integer> {
  @Mixin private BenchOptions options;
  @Mixin private FolderOptions folder;

  @Option(
      names = "--from",
      defaultValue = "f32",
      description =
          "f32: tensors of float32; bf16: a transformer, which --fp8_recipe quantises on its way;"
              + " fp8: transformers in FP8 as convert writes them (default: f32).")
  private String from;

  @Option(names = "--gigabytes", description = "With f32, the file's size (default: 8).")
  private Double gigabytes;

  @Option(
      names = "--task",
      description = "With bf16 and fp8, the task of the transformers (default: i2v-A14B).")
  private String task;

  @Option(
      names = "--experts",
      description = "With bf16 and fp8, how many (default: 1 of bf16, 2 of fp8).")
  private Integer experts;

  @Option(names = "--layers", description = "With bf16 and fp8, their blocks (default: all).")
  private Integer layers;

  @Override
  public Integer call() {
    return switch (from) {
      case "f32" -> tensors();
      case "bf16" -> transformers(Form.BF16, 1);
      case "fp8" -> transformers(Form.F8_E4M3, 2);
      default ->
          throw new InputException("--from got \"%s\"; give f32, bf16 or fp8".formatted(from));
    };
  }

  private Integer tensors() {
    if (task != null || experts != null || layers != null) {
      throw new InputException(
          "--task, --experts or --layers was given for tensors of float32; add --from bf16 or"
              + " --from fp8");
    }
    double size = gigabytes == null ? 8 : gigabytes;
    return options.run(bench -> LoadBenchmark.run(bench, folder.path(), size));
  }

  private Integer transformers(Form form, int usual) {
    if (gigabytes != null) {
      throw new InputException(
          "--gigabytes was given for transformers, whose sizes are known; give --layers");
    }
    Task chosen = Task.of(task == null ? Task.I2V_A14B.spelling() : task);
    int count = experts == null ? usual : experts;
    int blocks = layers == null ? 0 : layers;
    return options.run(
        bench -> TransformerLoadBenchmark.run(bench, folder.path(), chosen, form, count, blocks));
  }
}
