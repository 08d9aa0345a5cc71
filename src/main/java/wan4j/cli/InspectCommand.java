package wan4j.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import wan4j.Inspection;

/// `wan4j inspect`: what a checkpoint is and what it needs.
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description =
        "Prints a checkpoint's layout, networks, parameters, types, and the memory that its task"
            + " needs.")
final class InspectCommand implements Callable<Integer> {
  @Parameters(arity = "1", paramLabel = "CKPT", description = "The folder of the checkpoint.")
  private Path checkpoint;

  @Override
  public Integer call() {
    Inspection.of(checkpoint).lines().forEach(System.out::println);
    return 0;
  }
}
