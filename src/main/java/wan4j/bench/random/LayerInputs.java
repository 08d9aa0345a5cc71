package wan4j.bench.random;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import wan4j.tensor.DType;
import wan4j.tensor.Elements;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Distributions of a layer's inputs: normal, with the outliers that trained networks have. Values
/// are drawn on the host, because `RandomSource` has no tails, which decide a tensor's largest
/// magnitude.
public enum LayerInputs {
  NORMAL("normal"),
  LARGE_CHANNELS("normal, 1 % of channels x 50"),
  GELU("GELU of normal"),
  LARGE_TOKENS("normal, 4 tokens x 30,000, the others compared");

  /// The rows fall into so many groups, the last row of every fourth of which may be large.
  public static final int ROW_GROUPS = 16;

  private static final float LARGE_CHANNEL = 50;
  private static final int CHANNELS_EACH = 100; // of which one is large
  private static final float LARGE_TOKEN = 30_000;

  private final String title;

  LayerInputs(String title) {
    this.title = title;
  }

  /// Returns their name in reports.
  public String title() {
    return title;
  }

  /// Returns the first row of a group.
  public static int firstRow(int group, int rows) {
    return (int) ((long) group * rows / ROW_GROUPS);
  }

  /// Draws a bfloat16 matrix on the host; equal arguments give equal values.
  public Tensor draw(long seed, int rows, int columns, double deviation) {
    Tensor matrix = onHost(DType.BF16, rows, columns);
    MemorySegment target = matrix.segment();
    IntStream.range(0, rows)
        .parallel()
        .forEach(row -> {
          SplittableRandom random = new SplittableRandom((seed << 32) + row);
          double factor = isLarge(row, rows) ? deviation * LARGE_TOKEN : deviation;
          for (int column = 0; column < columns; column++) {
            double value = changed(factor * random.nextGaussian(), column);
            Elements.setFloat(target, DType.BF16, (long) row * columns + column, (float) value);
          }
        });
    return matrix;
  }

  private double changed(double value, int column) {
    return switch (this) {
      case NORMAL, LARGE_TOKENS -> value;
      case LARGE_CHANNELS -> column % CHANNELS_EACH == 0 ? LARGE_CHANNEL * value : value;
      case GELU ->
          0.5
              * value
              * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * Math.pow(value, 3))));
    };
  }

  private boolean isLarge(int row, int rows) {
    if (this == LARGE_TOKENS) {
      for (int group = 2; group < ROW_GROUPS; group += 4) {
        if (row + 1 == firstRow(group, rows)) {
          return true;
        }
      }
    }
    return false;
  }

  /// Returns a host matrix of zeros.
  public static Tensor onHost(DType dtype, long rows, long columns) {
    MemorySegment memory = Arena.ofAuto().allocate(rows * columns * dtype.bytes(), 64);
    return new Tensor(Shape.of(rows, columns), dtype, new HostStorage(memory));
  }
}
