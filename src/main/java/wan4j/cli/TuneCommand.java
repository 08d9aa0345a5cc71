package wan4j.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import wan4j.bench.Tuning;

/// `wan4j tune`: measures the algorithms of products and convolutions on this GPU.
@Command(
    name = "tune",
    mixinStandardHelpOptions = true,
    description =
        "Measures which of the libraries' algorithms is fastest for each product and convolution of"
            + " the full-size networks on this GPU; later runs take those.")
final class TuneCommand implements Callable<Integer> {
  @Option(
      names = "--out",
      description =
          "The file that the table is written to (default: algorithms.json in the user's cache,"
              + " which every run reads).")
  private Path file;

  @Override
  public Integer call() {
    long start = System.nanoTime();
    String result = Tuning.run(file, System.out::println);
    System.out.printf("%s (%d s)%n", result, Math.round((System.nanoTime() - start) / 1e9));
    return 0;
  }
}
