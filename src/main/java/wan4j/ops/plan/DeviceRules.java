package wan4j.ops.plan;

import wan4j.ops.Convolution;
import wan4j.ops.OperandFormat;
import wan4j.ops.Window;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;

/// What decides how operations run on a GPU and how much memory they take there: the backend goes
/// by it, and so does the estimate that is made on shapes alone.
public final class DeviceRules {
  // ---- order of work

  /// Tokens up to which the blocks of a forward are recorded as a CUDA graph where nothing else is
  /// asked for: their kernels take so few microseconds that the host's calls take longer.
  public static final long RECORDED_TOKENS = 4096;

  // ---- attention

  /// The bytes that scores and probabilities fill at most where attention is two products around a
  /// softmax.
  public static final long MOST_SCORES = 512L << 20;

  /// Queries of a tile of such products come in multiples of this.
  public static final int QUERY_STEP = 16;

  /// The tokens whose sum one block takes where the means of heads are taken.
  public static final int SUM_TOKENS = 512;

  /// The tokens whose largest values one block takes where a channel of values has one scale.
  public static final int CHANNEL_TOKENS = 192;

  /// The tokens of values that one block transposes.
  public static final int TRANSPOSED_TOKENS = 128;

  private static final int FEWEST_KEYS = 512;
  private static final int KEY_STEP = 32; // of a product of 8-bit weights and values
  private static final int LARGEST_FUSED_HEAD = 128;

  // ---- convolutions

  /// What channels are padded to: 16 bytes of bfloat16, which tensor cores load.
  public static final int CHANNELS = 8;

  /// The bytes that gathered windows fill at most.
  public static final long MOST_GATHERED = 256L << 20;

  private static final int PATCH_CHANNELS = 16; // what a product multiplies at once
  private static final int SLOW_OUTPUTS = 512;
  private static final int SLOW_COLUMNS = 128;

  // ---- FP8

  /// The float32 numbers of a state of scaling: scale, inverse, largest magnitude, 0, and 16 of
  /// history.
  public static final int SCALING_STATE = 20;

  /// The edge of a tile of weights, and the length of a piece of a row, that share a scale.
  public static final int SCALE_BLOCK = 128;

  private static final int SCALE_STRIDE = 4; // cuBLASLt's rows of scales of tiles, in floats

  /// What both sides of an FP8 weight are padded to: 16 bytes, as the matrix units read rows.
  public static final int FLOAT8_SIDES = 16;

  private DeviceRules() {}

  /// Returns whether wan4j's attention kernel is made for heads of a type and size.
  public static boolean fitsOurAttention(DType type, long size) {
    return type == DType.BF16 && (size == 64 || size == 128);
  }

  /// Returns whether heads of a type and size are attended over so many keys by wan4j's kernel: it
  /// is faster than cuDNN from the text's 512 keys on (docs/attention.md), and fewer were not
  /// measured.
  public static boolean isOurAttention(DType type, long size, long keys) {
    return fitsOurAttention(type, size) && keys >= FEWEST_KEYS;
  }

  /// Returns whether wan4j's kernels for codes of 8 bits are made for heads of a size where other
  /// values are of a type.
  public static boolean fitsEightBitAttention(DType type, long size) {
    return type == DType.BF16 && size == 128;
  }

  /// Returns the keys of transposed values: in whole steps.
  public static int paddedKeys(int keys) {
    return Math.ceilDiv(keys, KEY_STEP) * KEY_STEP;
  }

  /// Returns the bytes of transposed values `[keys, heads, head size]`.
  public static long transposedBytes(int keys, Shape values) {
    return paddedKeys(keys) * values.size(1) * values.size(2);
  }

  /// Returns whether that kernel writes a format itself for heads of a size. The scale of a token
  /// is known only when all heads are done, and that of a block only where a head has whole ones.
  public static boolean isWrittenByAttention(OperandFormat format, long size) {
    return switch (format) {
      case OperandFormat.Delayed _ -> true;
      case OperandFormat.Simple simple ->
          switch (simple) {
            case PLAIN, FLOAT8_CURRENT -> true;
            case FLOAT8_BLOCK -> size % SCALE_BLOCK == 0;
            case FLOAT32, FLOAT8_TOKEN -> false;
          };
    };
  }

  /// Returns whether cuDNN may be asked for attention in heads of a type and size; what is too odd
  /// in other ways only shows when it plans.
  public static boolean isFusedAttention(DType type, long size) {
    return type == DType.BF16 && size % 8 == 0 && size <= LARGEST_FUSED_HEAD;
  }

  /// Returns a number of channels, padded.
  public static long paddedChannels(long channels) {
    return Math.ceilDiv(channels, (long) CHANNELS) * CHANNELS;
  }

  /// Returns whether wan4j's convolution kernel can compute kernels of a height and width for
  /// features of a type.
  public static boolean isPatched(DType type, int height, int width) {
    return type == DType.BF16 && height == 3 && width == 3;
  }

  /// Returns whether that kernel can compute a convolution of features of a type, faster or not.
  public static boolean fitsOurConvolution(DType type, Convolution layer, Window window) {
    return layer.groups() == 1
        && isPatched(type, layer.height(), layer.width())
        && window.equals(Window.SAME_3X3);
  }

  /// Returns whether a convolution of features of a type is that kernel's. Of 512 and more outputs
  /// that no product wider than 128 tiles it is not: on an H100 512 to 512 channels take 8.70 ms
  /// where cuDNN takes 8.48, and 1024 to 1024 take 5.53 for 4.59, while 256 to 256 take 8.63 for
  /// 9.13 and the others 0.28 to 1.01 of cuDNN's time (benchmarks/h100-networks.json).
  public static boolean isOurConvolution(DType type, Convolution layer, Window window) {
    boolean isSlow =
        layer.outputs() >= SLOW_OUTPUTS && patchColumns(layer.outputs()) <= SLOW_COLUMNS;
    return fitsOurConvolution(type, layer, window) && !isSlow;
  }

  /// Returns the channels that features must have for that kernel: the inputs, or more with zeros.
  public static int patchInputs(int inputs) {
    return Math.ceilDiv(inputs, PATCH_CHANNELS) * PATCH_CHANNELS;
  }

  /// Returns the outputs of one of its products: the widest that tiles them.
  public static int patchColumns(int outputs) {
    for (int columns : new int[] {192, 160, 128, 96, 32}) {
      if (outputs % columns == 0) {
        return columns;
      }
    }
    return outputs > 8 ? 16 : 8;
  }

  /// Returns whether it can normalise sums before they are written: one block has all channels.
  public static boolean isNormalisedByPatches(int outputs) {
    return outputs % 32 == 0 && patchColumns(outputs) == outputs;
  }

  /// Returns a side of an FP8 weight, padded.
  public static long paddedSide(long side) {
    return Math.ceilDiv(side, (long) FLOAT8_SIDES) * FLOAT8_SIDES;
  }

  /// Returns the shape of an FP8 weight with both sides padded.
  public static Shape padded(Shape weight) {
    return Shape.of(paddedSide(weight.size(0)), paddedSide(weight.size(1)));
  }

  /// Returns the shape of rows with their columns padded.
  public static Shape paddedRows(Shape rows) {
    return Shape.of(rows.size(0), paddedSide(rows.size(1)));
  }

  /// Returns whether rows are quantised in FP8 only after their columns have been padded.
  public static boolean isUneven(OperandFormat format, long columns) {
    boolean isPlain =
        format == OperandFormat.Simple.PLAIN || format == OperandFormat.Simple.FLOAT32;
    return !isPlain && columns % FLOAT8_SIDES != 0;
  }

  /// Returns how many floats apart the rows of a weight's scales of tiles lie.
  public static int tileScaleStride(int inputs) {
    return Math.ceilDiv(inputs, SCALE_BLOCK * SCALE_STRIDE) * SCALE_STRIDE;
  }
}
