package wan4j.cuda.bind;

/// How a kernel is spread: blocks of the grid, threads of a block, and dynamic shared memory of a
/// block in bytes.
public record LaunchShape(
    int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int shared) {

  /// Refuses what no GPU can launch.
  public LaunchShape {
    if (gridX < 1 || gridY < 1 || gridZ < 1 || gridY > 65_535 || gridZ > 65_535) {
      throw new IllegalArgumentException(
          "a grid needs 1 or more blocks each way and at most 65535 in y and z, got "
              + gridX
              + " x "
              + gridY
              + " x "
              + gridZ);
    }
    var threads = (long) blockX * blockY * blockZ;
    if (blockX < 1 || blockY < 1 || blockZ < 1 || threads > 1024) {
      throw new IllegalArgumentException("a block has 1 to 1024 threads, got " + threads);
    }
  }

  /// A line of blocks without dynamic shared memory.
  public static LaunchShape of(int blocks, int threads) {
    return new LaunchShape(blocks, 1, 1, threads, 1, 1, 0);
  }

  /// A plane of blocks without dynamic shared memory.
  public static LaunchShape of(int blocksX, int blocksY, int threads) {
    return new LaunchShape(blocksX, blocksY, 1, threads, 1, 1, 0);
  }

  /// Enough blocks of `threads` that each of `items` gets a thread.
  public static LaunchShape covering(long items, int threads) {
    return of(Math.toIntExact(Math.max(1, (items + threads - 1) / threads)), threads);
  }

  /// The same with this much dynamic shared memory a block.
  public LaunchShape withShared(int bytes) {
    return new LaunchShape(gridX, gridY, gridZ, blockX, blockY, blockZ, bytes);
  }
}
