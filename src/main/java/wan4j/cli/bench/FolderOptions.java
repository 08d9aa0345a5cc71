package wan4j.cli.bench;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/// The flag that says where a benchmark writes the files that it reads.
final class FolderOptions {
  @Option(
      names = "--folder",
      defaultValue = "${sys:java.io.tmpdir}",
      description = "Where files are written (default: ${DEFAULT-VALUE}).")
  private Path folder;

  Path path() {
    return folder;
  }
}
