package wan4j.ops.plan;

/// How wan4j's attention kernel goes about so many queries, keys and heads: its tiles, and how its
/// items, each [#QUERIES] queries of one head, are spread over blocks that stay. Every block takes
/// `rounds` whole items; the keys of the `rest` that is left are cut over `shares` blocks, or that
/// many blocks take one more item each. A pure function of sizes.
///
/// @param headSize the columns of a head, 64 or 128
/// @param tile the keys of a tile
/// @param stages the tiles of keys, and of values, that are held at once
/// @param queryStages the items whose queries are held at once
/// @param tiles the tiles of an item
/// @param items the items in all
/// @param blocks the blocks of the grid
/// @param rounds the whole items of every block
/// @param rest the items that are left then, fewer than blocks
/// @param shares the blocks that take what is left: more than `rest` where its keys are cut
public record AttentionPlan(
    int headSize,
    int tile,
    int stages,
    int queryStages,
    int tiles,
    int items,
    int blocks,
    int rounds,
    int rest,
    int shares) {

  /// The warpgroups of a block that multiply, of 64 queries each.
  public static final int GROUPS = 3;

  /// The queries of an item.
  public static final int QUERIES = 64 * GROUPS;

  /// The multiprocessors of the largest Hopper GPU, and so the most blocks of a grid: what parts
  /// need is told without a GPU.
  public static final int MOST_BLOCKS = 132;

  private static final int WARP_QUERIES = 16;
  private static final int LONG_TILE = 80;
  private static final int SHORT_TILE = 64;
  private static final int NARROW_TILE = 128; // of heads of 64, whose sums take half the registers
  private static final int MOST_STAGES = 4;
  private static final int SHORT_STAGES = 3;
  private static final int FEW_KEYS = 4096;

  // A block's second item in a cut round, and the kernel that joins parts, take as long as this
  // many tiles (docs/attention.md).
  private static final int TILES_OF_A_CUT = 32;

  private static final int SHARED_BYTES = 226 * 1024; // of a block, without its barriers
  private static final int PAGE = 1024; // what tiles are aligned to
  private static final int WORK_BYTES = 32; // of an entry of a block's list

  /// Returns the plan for heads of a size on a GPU of so many multiprocessors.
  public static AttentionPlan of(
      int queries, int keys, int heads, int headSize, int multiprocessors) {
    boolean isShort = headSize == 128 && keys <= FEW_KEYS;
    int tile = headSize == 64 ? NARROW_TILE : isShort ? SHORT_TILE : LONG_TILE;
    int queryStages = isShort ? 2 : 1;
    int tiles = Math.ceilDiv(keys, tile);
    int items = Math.multiplyExact(Math.ceilDiv(queries, QUERIES), heads);
    int blocks = Math.min(multiprocessors, MOST_BLOCKS);
    int rounds = items / blocks;
    int rest = items % blocks;
    boolean isCut = rest > 0 && (long) tiles * (blocks - rest) > (long) TILES_OF_A_CUT * blocks;
    if (rounds == 0 && !isCut) {
      blocks = items;
      rounds = 1;
      rest = 0;
    }
    // no share without a tile: its part would be joined though nothing had written it
    int shares = isCut ? (int) Math.min(blocks, (long) rest * tiles) : rest;
    if (rounds == 0) {
      blocks = shares;
    }
    int stages = isShort ? SHORT_STAGES : MOST_STAGES;
    while (shared(headSize, tile, stages, queryStages, rounds) > SHARED_BYTES && stages > 2) {
      stages--; // a list of very many items takes the room
    }
    return new AttentionPlan(
        headSize, tile, stages, queryStages, tiles, items, blocks, rounds, rest, shares);
  }

  /// Returns how many floats the parts of cut items fill at most, on any GPU; 0 where none is worth
  /// cutting.
  public static int partFloats(int keys, int headSize) {
    AttentionPlan plan = of(1, keys, 1, headSize, MOST_BLOCKS);
    return plan.tiles > TILES_OF_A_CUT ? 2 * MOST_BLOCKS * QUERIES * (headSize + 2) : 0;
  }

  /// Returns whether the keys of what is left are cut over more blocks than it has items.
  public boolean isCut() {
    return shares > rest;
  }

  /// Returns the dynamic shared memory of a block in bytes.
  public int sharedBytes() {
    return shared(headSize, tile, stages, queryStages, rounds);
  }

  /// Returns how many magnitudes are noted where a format has them noted: one a warp.
  public int notes() {
    return Math.multiplyExact(items, warps());
  }

  /// Returns the warps of a block that multiply, each 16 rows of an item.
  public int warps() {
    return QUERIES / WARP_QUERIES;
  }

  private static int shared(int headSize, int tile, int stages, int queryStages, int rounds) {
    int rows = queryStages * QUERIES + 2 * stages * tile;
    return PAGE + 2 * headSize * rows + WORK_BYTES * (rounds + 3);
  }
}
