package wan4j.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import wan4j.Device;
import wan4j.Inspection;
import wan4j.Ranks;
import wan4j.tensor.InputException;

/// `wan4j inspect`: what a checkpoint is and what it needs.
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description =
        "Prints a checkpoint's layout, networks, parameters, types, which layers --quantize leaves"
            + " in more bits, and the memory that its task needs.")
final class InspectCommand implements Callable<Integer> {
  @Parameters(arity = "1", paramLabel = "CKPT", description = "The folder of the checkpoint.")
  private Path checkpoint;

  @Option(names = "--size", description = "Width*height of the request (default: 1280*720 or 704).")
  private String size;

  @Option(
      names = {"--frame_num", "--frames"},
      paramLabel = "1..",
      description = "Its frames, 4n+1 (default: the task's).")
  private Integer frames;

  @Option(
      names = "--fp8_skip",
      split = ",",
      description = "Layers that --fp8_skip would keep in bf16: tells which they are.")
  private List<String> skipped = List.of();

  @Option(
      names = "--device",
      description = "cpu or cuda: tells the memory on that device alone (default: on both).")
  private String device;

  @Option(
      names = "--gpus",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Tells the memory on each of so many GPUs that make the request together (default: 1).")
  private int gpus;

  @Option(
      names = "--ulysses_size",
      paramLabel = "N",
      description = "How many of them share each forward, as in generate.")
  private Integer sequence;

  @Override
  public Integer call() {
    Device only = device == null ? null : Device.of(device);
    if (gpus > 1 && only == Device.CPU) {
      throw new InputException(
          "--gpus got %d, but --device is cpu; give --device cuda, or leave one of them out"
              .formatted(gpus));
    }
    Ranks ranks =
        Ranks.of(sequence == null ? gpus : Math.max(gpus, sequence))
            .dividing(sequence == null ? 0 : sequence, null);
    Device where = ranks.isAlone() ? only : Device.CUDA;
    Inspection.of(checkpoint, size, frames, skipped, where, ranks).lines().stream()
        .map(Sentence::inLine)
        .forEach(System.out::println);
    return 0;
  }
}
