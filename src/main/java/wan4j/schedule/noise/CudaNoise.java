package wan4j.schedule.noise;

import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// PyTorch's generator on an NVIDIA GPU: Philox 4x32-10 with Box-Muller, where the number of GPU
/// threads decides which counter makes which element.
///
/// Follows pytorch/pytorch v2.11, aten/src/ATen/native/cuda/DistributionTemplates.h (launch
/// geometry and offsets), and CUDA's curand_normal.h (uniforms and Box-Muller in float32).
public final class CudaNoise implements Noise {
  /// The multiprocessors of an H100 SXM and of an H200.
  public static final int H100_MULTIPROCESSORS = 132;

  private static final int BLOCK_THREADS = 256;
  private static final int BLOCKS_A_MULTIPROCESSOR = 2048 / BLOCK_THREADS;
  private static final int UNROLL = 4;
  private static final float UNIT = 0x1p-32f;
  private static final float TURN = UNIT * 6.2831855f;

  private static final float TURNS_A_RADIAN = (float) (0.5 / Math.PI);

  private final long seed;
  private final int largestGrid;
  // counters that earlier draws used up in every thread
  private long used;

  /// Creates the generator as `torch.Generator("cuda").manual_seed(seed)` does on a GPU with that
  /// many multiprocessors of 2048 threads.
  public CudaNoise(long seed, int multiprocessors) {
    this.seed = seed;
    this.largestGrid = Math.multiplyExact(multiprocessors, BLOCKS_A_MULTIPROCESSOR);
  }

  @Override
  public Tensor randn(Shape shape) {
    int count = Math.toIntExact(shape.count());
    float[] values = new float[count];
    if (count > 0) {
      int threads = BLOCK_THREADS * Math.min(largestGrid, Math.ceilDiv(count, BLOCK_THREADS));
      int rounds = Math.ceilDiv(count, threads * UNROLL);
      fill(values, threads, rounds);
      used += rounds;
    }
    return Tensor.of(values, shape.toArray());
  }

  @Override
  public void save(Ops ops, SavedState state) {
    state.put("used", used);
  }

  @Override
  public void restore(Ops ops, SavedState state) {
    used = state.longs("used", 1)[0];
  }

  private void fill(float[] values, int threads, int rounds) {
    int[] random = new int[UNROLL];
    float[] normal = new float[UNROLL];
    for (int round = 0; round < rounds; round++) {
      long first = (long) round * threads * UNROLL;
      int active = (int) Math.min(threads, values.length - first);
      for (int thread = 0; thread < active; thread++) {
        Philox.generate(used + round, thread, seed, random);
        boxMuller(random, 0, normal);
        boxMuller(random, 2, normal);
        for (int i = 0; i < UNROLL; i++) {
          long index = first + (long) i * threads + thread;
          if (index < values.length) {
            values[(int) index] = normal[i];
          }
        }
      }
    }
  }

  private static void boxMuller(int[] random, int first, float[] normal) {
    float uniform = Math.fma(toFloat(random[first]), UNIT, UNIT / 2);
    float angle = Math.fma(toFloat(random[first + 1]), TURN, TURN / 2);
    float radius = (float) Math.sqrt(-2f * (float) Math.log(uniform));
    double turned = turns(angle) * (2 * Math.PI);
    normal[first] = radius * (float) Math.sin(turned);
    normal[first + 1] = radius * (float) Math.cos(turned);
  }

  /// Returns the share of a full turn from which the GPU's fast sine and cosine start: a float32
  /// product that is rounded towards zero.
  private static float turns(float angle) {
    double exact = (double) angle * TURNS_A_RADIAN;
    float nearest = (float) exact;
    return nearest > exact ? Math.nextDown(nearest) : nearest;
  }

  private static float toFloat(int unsigned) {
    return (float) Integer.toUnsignedLong(unsigned);
  }
}
