package wan4j.schedule.noise;

import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// PyTorch's generator on a CPU: MT19937 with Box-Muller, one element at a time in float64 below 16
/// elements and in float32 blocks of 16 from there on. The low 32 bits of the seed count.
public final class CpuNoise implements Noise {
  private static final int BLOCK = 16;
  private static final float TURN = (float) (2 * Math.PI);

  private final MersenneTwister generator;
  // the second normal of a pair, which the next single draw takes; NaN when there is none
  private double spare = Double.NaN;

  /// Creates the generator as `torch.Generator().manual_seed(seed)` does.
  public CpuNoise(long seed) {
    this.generator = new MersenneTwister((int) seed);
  }

  @Override
  public Tensor randn(Shape shape) {
    float[] values = new float[Math.toIntExact(shape.count())];
    if (values.length < BLOCK) {
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) normal();
      }
    } else {
      fill(values);
    }
    return Tensor.of(values, shape.toArray());
  }

  @Override
  public void save(Ops ops, SavedState state) {
    generator.save(state);
    state.put("spare", spare);
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    generator.restore(state);
    spare = state.doubles("spare", 1)[0];
  }

  /// Draws float32 numbers in [0, 1), as `torch.rand(shape)` does.
  public Tensor rand(Shape shape) {
    float[] values = new float[Math.toIntExact(shape.count())];
    for (int i = 0; i < values.length; i++) {
      values[i] = uniform();
    }
    return Tensor.of(values, shape.toArray());
  }

  /// Draws an integer in [0, 2^32), as `torch.randint(0, 1 << 32, …)` does: of two outputs of the
  /// generator, the second.
  public long randint32() {
    return next64() & 0xFFFFFFFFL;
  }

  private void fill(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = uniform();
    }
    int whole = values.length - values.length % BLOCK;
    for (int i = 0; i < whole; i += BLOCK) {
      transform(values, i);
    }
    if (whole < values.length) {
      // the last 16 are drawn anew, those that had been drawn included
      int first = values.length - BLOCK;
      for (int i = first; i < values.length; i++) {
        values[i] = uniform();
      }
      transform(values, first);
    }
  }

  /// Turns 16 uniform numbers into normal ones: 8 radii, then 8 angles.
  private static void transform(float[] values, int first) {
    for (int i = first; i < first + BLOCK / 2; i++) {
      float radius = (float) Math.sqrt((float) (-2 * Math.log(1 - values[i])));
      float angle = TURN * values[i + BLOCK / 2];
      values[i] = radius * (float) Math.cos(angle);
      values[i + BLOCK / 2] = radius * (float) Math.sin(angle);
    }
  }

  private double normal() {
    if (!Double.isNaN(spare)) {
      double value = spare;
      spare = Double.NaN;
      return value;
    }
    double angle = 2 * Math.PI * uniformDouble();
    double radius = Math.sqrt(-2 * Math.log1p(-uniformDouble()));
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  private float uniform() {
    return (generator.next() & 0xFFFFFF) * 0x1p-24f;
  }

  private double uniformDouble() {
    return (next64() & 0x1FFFFFFFFFFFFFL) * 0x1p-53;
  }

  private long next64() {
    long high = (long) generator.next() << 32;
    return high | Integer.toUnsignedLong(generator.next());
  }
}
