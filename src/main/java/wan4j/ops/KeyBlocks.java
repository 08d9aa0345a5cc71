package wan4j.ops;

import wan4j.tensor.DType;
import wan4j.tensor.Tensor;

/// Which keys the queries of an attention see: for each tile of queries of each head, a list of
/// blocks of [#KEYS] neighbouring keys, in ascending order, each at most once; every list has one
/// at least.
///
/// @param counts int32 `[heads, tiles]`, how many blocks each list has
/// @param blocks int32 `[heads, tiles, most]`, the lists
public record KeyBlocks(Tensor counts, Tensor blocks) {
  /// The keys of a block; the last one may have fewer.
  public static final int KEYS = 64;

  private static final int QUERIES = 192;
  private static final int FEW_QUERIES = 128;

  /// Throws `IllegalArgumentException` for tensors of other types or of shapes that do not fit.
  public KeyBlocks {
    boolean isInteger = counts.dtype() == DType.I32 && blocks.dtype() == DType.I32;
    if (!isInteger
        || counts.shape().rank() != 2
        || blocks.shape().rank() != 3
        || counts.length(0) != blocks.length(0)
        || counts.length(1) != blocks.length(1)
        || blocks.length(2) < 1) {
      throw new IllegalArgumentException(
          "got counts %s and blocks %s, expected I32 [heads, tiles] and [heads, tiles, most]"
              .formatted(counts, blocks));
    }
  }

  /// Returns the queries of a tile in attention of a format.
  public static int queries(AttentionFormat format) {
    return format == AttentionFormat.EightBit.INT8_VALUES ? FEW_QUERIES : QUERIES;
  }

  /// Returns the most blocks that a list may have.
  public int most() {
    return blocks.length(2);
  }

  /// Throws `IllegalArgumentException` where there is not a list for each tile of an attention's
  /// queries and each head.
  public void require(AttentionInput input) {
    int tiles = Math.ceilDiv(input.queries(), queries(input.format()));
    if (counts.length(0) != input.heads() || counts.length(1) != tiles) {
      throw new IllegalArgumentException(
          "got lists of key blocks %s, expected ones for %d heads and %d tiles of %d queries"
              .formatted(counts.shape(), input.heads(), tiles, queries(input.format())));
    }
  }
}
