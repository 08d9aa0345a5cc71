package wan4j.cli.bench;

import picocli.CommandLine.Option;

/// The flag that says of how many GPUs one does its part.
final class ShareOptions {
  @Option(
      names = "--share",
      paramLabel = "1..",
      defaultValue = "8",
      description = "N, the GPUs that share the work (default: 8).")
  private int share;

  int count() {
    return share;
  }
}
