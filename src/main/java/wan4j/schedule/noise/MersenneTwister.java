package wan4j.schedule.noise;

import wan4j.ops.SavedState;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// The generator MT19937 (Matsumoto and Nishimura, 1998) with 32-bit outputs.
final class MersenneTwister {
  private static final int SIZE = 624;
  private static final int SHIFT = 397;
  private static final int TWIST = 0x9908B0DF;
  private static final int SEEDING = 1812433253;

  private final int[] state = new int[SIZE];
  private int position = SIZE;

  MersenneTwister(int seed) {
    state[0] = seed;
    for (int i = 1; i < SIZE; i++) {
      state[i] = SEEDING * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    }
  }

  void save(SavedState saved) {
    saved.put("numbers", Tensor.of(state, SIZE));
    saved.put("position", position);
  }

  void restore(SavedState saved) {
    System.arraycopy(
        saved.tensor("numbers", DType.I32, Shape.of(SIZE)).toInts(), 0, state, 0, SIZE);
    position = saved.count("position", SIZE);
  }

  int next() {
    if (position == SIZE) {
      twist();
      position = 0;
    }
    int y = state[position++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9D2C5680;
    y ^= (y << 15) & 0xEFC60000;
    return y ^ (y >>> 18);
  }

  private void twist() {
    for (int i = 0; i < SIZE; i++) {
      int joined = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7FFFFFFF);
      int twisted = (joined >>> 1) ^ ((joined & 1) == 0 ? 0 : TWIST);
      state[i] = state[(i + SHIFT) % SIZE] ^ twisted;
    }
  }
}
