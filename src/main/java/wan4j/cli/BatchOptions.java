package wan4j.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;
import wan4j.tensor.InputException;

/// The flags for many requests with one load of the networks.
final class BatchOptions {
  @Option(
      names = "--requests",
      paramLabel = "FILE",
      description =
          "Make a video for each line of a file, CSV with a line of names first or a JSON object a"
              + " line: prompt, negative_prompt, image, seed, size, frame_num, name and other flags"
              + " of a request; --save_file names their folder. A line that fails does not stop the"
              + " rest.")
  private Path requests;

  @Option(
      names = "--overwrite",
      description = "With --requests: make videos again that are there already.")
  private boolean overwrite;

  /// Returns the file, or null for one request.
  Path file() {
    return requests;
  }

  /// Says whether videos that are there are made again.
  boolean overwrites() {
    return overwrite;
  }

  /// Throws `InputException` for a flag without the one that it belongs to.
  void check() {
    if (overwrite && requests == null) {
      throw new InputException(
          "--overwrite was given without --requests; a single video always replaces one of its"
              + " name: leave it out");
    }
  }
}
