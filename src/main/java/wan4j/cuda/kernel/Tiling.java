package wan4j.cuda.kernel;

import wan4j.cuda.device.DeviceStorage;
import wan4j.tensor.Tensor;

/// How rows are spread over threads: pure policy, outside the kernels.
public final class Tiling {
  private static final int WARP = 32;
  private static final int MOST_THREADS = 1024;
  private static final int MOST_VECTOR = 8; // 16 bytes of bfloat16
  private static final int ACCESS = 16; // bytes

  /// The threads of kernels that give each thread one vector.
  public static final int FLAT_THREADS = 256;

  private Tiling() {}

  /// Returns how many neighbouring elements a thread moves at once: at most 8, a divisor of
  /// `count`, such that every tensor's first element allows accesses of that width.
  static int vector(long count, Tensor... tensors) {
    int vector = MOST_VECTOR;
    while (vector > 1 && !(count % vector == 0 && isAligned(vector, tensors))) {
      vector /= 2;
    }
    return vector;
  }

  private static boolean isAligned(int vector, Tensor[] tensors) {
    for (Tensor tensor : tensors) {
      int width = Math.min(ACCESS, vector * tensor.dtype().bytes());
      if (DeviceStorage.address(tensor) % width != 0) {
        return false;
      }
    }
    return true;
  }

  /// Returns the threads for a row of so many vectors that lies in registers. Two vectors of eight
  /// in each thread keep enough loads in flight with few registers; longer rows take more vectors a
  /// thread. Among the choices the one that leaves the fewest threads idle wins.
  static int rowThreads(int vectors) {
    if (vectors <= WARP) {
      return WARP;
    }
    int best = MOST_THREADS;
    int least = Integer.MAX_VALUE;
    for (int each = 1; each <= 4; each++) {
      int threads = Math.ceilDiv(Math.ceilDiv(vectors, each), WARP) * WARP;
      boolean isSensible = threads <= 640 && (each <= 2 || threads >= 128);
      int idle = threads * each - vectors + (each == 2 ? 0 : WARP);
      if (isSensible && idle < least) {
        least = idle;
        best = threads;
      }
    }
    return best;
  }

  /// Returns the neighbouring lanes that share a pixel of so many vectors: about three vectors a
  /// lane, and never more lanes than a warp has.
  static int pixelLanes(int vectors) {
    int lanes = 1;
    while (lanes < WARP && vectors > 3 * lanes) {
      lanes *= 2;
    }
    return lanes;
  }
}
