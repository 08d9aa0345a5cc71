package wan4j.ops.plan;

import wan4j.ops.AttentionFormat;
import wan4j.ops.AttentionFormat.EightBit;
import wan4j.ops.KeyBlocks;

/// How wan4j's attention kernels go about so many queries, keys and heads: their tiles, and how
/// their items, each some queries of one head, are spread over blocks that stay. Every block takes
/// `rounds` whole items; the keys of the `rest` that is left are cut over `shares` blocks, or that
/// many blocks take one more item each. A pure function of sizes.
///
/// @param format what is attended to
/// @param isListed whether the keys of each item are listed in blocks
/// @param headSize the columns of a head, 64 or 128
/// @param groups the warpgroups of a block that multiply, of 64 queries each
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
    AttentionFormat format,
    boolean isListed,
    int headSize,
    int groups,
    int tile,
    int stages,
    int queryStages,
    int tiles,
    int items,
    int blocks,
    int rounds,
    int rest,
    int shares) {

  /// The multiprocessors of the largest Hopper GPU, and so the most blocks of a grid: what parts
  /// need is told without a GPU.
  public static final int MOST_BLOCKS = 132;

  /// The keys after which sums of E4M3 products, which keep fewer bits than float32, are added to
  /// float32 sums. What is lost grows with them: docs/attention.md.
  public static final int PROMOTED_KEYS = 9216;

  private static final int GROUP_QUERIES = 64;
  private static final int GROUP_THREADS = 128;
  private static final int GROUP_ROWS = 2; // of a thread
  private static final int WARP_QUERIES = 16;
  private static final int ONES = 8; // rows behind transposed E4M3 values that sum weights
  private static final int LONG_TILE = 80;
  private static final int SHORT_TILE = 64;
  private static final int NARROW_TILE = 128; // of heads of 64, whose sums take half the registers
  private static final int EIGHT_BIT_TILE = 96;
  private static final int MOST_STAGES = 4;
  private static final int SHORT_STAGES = 3;
  private static final int FEW_KEYS = 4096;

  // A block's second item in a cut round, and the kernel that joins parts, take as long as this
  // many tiles (docs/attention.md).
  private static final int TILES_OF_A_CUT = 32;

  private static final int SHARED_BYTES = 226 * 1024; // of a block, without its barriers
  private static final int PAGE = 1024; // what tiles are aligned to
  private static final int WORK_BYTES = 32; // of an entry of a block's list

  /// What is multiplied, and how.
  private record Shape(AttentionFormat format, int headSize, int tile, int queryStages) {
    int groups() {
      return KeyBlocks.queries(format) / GROUP_QUERIES;
    }

    int queryBytes() {
      return headSize * (format instanceof EightBit eight && eight.hasNarrowScores() ? 1 : 2);
    }

    /// The bytes of a tile of keys and one of values.
    int tileBytes() {
      int value = (headSize + (isPromoted(format) ? ONES : 0)) * (hasNarrowValues() ? 1 : 2);
      int scales = format == EightBit.INT8_VALUES ? headSize * Float.BYTES : 0;
      return tile * (queryBytes() + value) + scales;
    }

    boolean hasNarrowValues() {
      return format instanceof EightBit eight && eight.hasNarrowValues();
    }

    int sharedBytes(int stages, int rounds) {
      int queries = queryStages * groups() * GROUP_QUERIES * queryBytes();
      int sums =
          isPromoted(format)
              ? groups() * GROUP_THREADS * (headSize / 2 + GROUP_ROWS) * Float.BYTES
              : 0;
      return PAGE + queries + stages * tileBytes() + sums + WORK_BYTES * (rounds + 3);
    }
  }

  /// Returns the plan for heads of the activation type and of a size over all keys, on a GPU of so
  /// many multiprocessors.
  public static AttentionPlan of(
      int queries, int keys, int heads, int headSize, int multiprocessors) {
    return of(AttentionFormat.Simple.PLAIN, false, queries, keys, heads, headSize, multiprocessors);
  }

  /// Returns the plan for heads of a format and size, over all keys or over blocks of them that are
  /// listed, on a GPU of so many multiprocessors.
  public static AttentionPlan of(
      AttentionFormat format,
      boolean isListed,
      int queries,
      int keys,
      int heads,
      int headSize,
      int multiprocessors) {
    Shape shape = shape(format, isListed, keys, headSize);
    int groups = shape.groups();
    int tiles = Math.ceilDiv(keys, shape.tile);
    int items = Math.multiplyExact(Math.ceilDiv(queries, GROUP_QUERIES * groups), heads);
    int blocks = Math.min(multiprocessors, MOST_BLOCKS);
    int rounds = items / blocks;
    int rest = items % blocks;
    boolean isCut =
        !isListed && rest > 0 && (long) tiles * (blocks - rest) > (long) TILES_OF_A_CUT * blocks;
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
    int stages = shape.queryStages > 1 ? SHORT_STAGES : MOST_STAGES;
    while (shape.sharedBytes(stages, rounds) > SHARED_BYTES && stages > 2) {
      stages--; // a list of very many items takes the room
    }
    return new AttentionPlan(
        format,
        isListed,
        headSize,
        groups,
        shape.tile,
        stages,
        shape.queryStages,
        tiles,
        items,
        blocks,
        rounds,
        rest,
        shares);
  }

  private static Shape shape(AttentionFormat format, boolean isListed, int keys, int headSize) {
    if (isListed) {
      return new Shape(format, headSize, KeyBlocks.KEYS, 1);
    }
    return switch (format) {
      case AttentionFormat.Simple.PLAIN -> {
        boolean isShort = headSize == 128 && keys <= FEW_KEYS;
        int tile = headSize == 64 ? NARROW_TILE : isShort ? SHORT_TILE : LONG_TILE;
        yield new Shape(format, headSize, tile, isShort ? 2 : 1);
      }
      case EightBit.INT8_SCORES -> new Shape(format, headSize, LONG_TILE, 1);
      case EightBit.INT8, EightBit.FLOAT8, EightBit.INT8_VALUES ->
          new Shape(format, headSize, EIGHT_BIT_TILE, 1);
    };
  }

  private static boolean isPromoted(AttentionFormat format) {
    return format == EightBit.INT8 || format == EightBit.FLOAT8;
  }

  /// Returns how many floats the parts of cut items fill at most, on any GPU; 0 where none is worth
  /// cutting.
  public static int partFloats(AttentionFormat format, boolean isListed, int keys, int headSize) {
    AttentionPlan plan = of(format, isListed, 1, keys, 1, headSize, MOST_BLOCKS);
    boolean isEverCut = !isListed && plan.tiles > TILES_OF_A_CUT;
    return isEverCut ? 2 * MOST_BLOCKS * plan.queries() * (headSize + 2) : 0;
  }

  /// Returns whether the keys of what is left are cut over more blocks than it has items.
  public boolean isCut() {
    return shares > rest;
  }

  /// Returns the queries of an item.
  public int queries() {
    return GROUP_QUERIES * groups;
  }

  /// Returns the tiles after which sums of E4M3 products are added to float32 sums.
  public int promotedTiles() {
    return PROMOTED_KEYS / tile;
  }

  /// Returns the dynamic shared memory of a block in bytes.
  public int sharedBytes() {
    return new Shape(format, headSize, tile, queryStages).sharedBytes(stages, rounds);
  }

  /// Returns how many magnitudes are noted where a format has them noted: one a warp.
  public int notes() {
    return Math.multiplyExact(items, warps());
  }

  /// Returns the warps of a block that multiply, each 16 rows of an item.
  public int warps() {
    return queries() / WARP_QUERIES;
  }
}
