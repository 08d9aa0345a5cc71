package wan4j.cli.bench;

import picocli.CommandLine.Option;

/// The flag that leaves blocks of a transformer out.
final class BlocksOptions {
  @Option(
      names = "--layers",
      paramLabel = "0..",
      defaultValue = "0",
      description = "Blocks (default: all).")
  private int layers;

  /// Returns the number of blocks, 0 for all.
  int count() {
    return layers;
  }
}
