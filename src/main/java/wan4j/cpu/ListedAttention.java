package wan4j.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import wan4j.ops.Heads;
import wan4j.ops.KeyBlocks;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Attention of tiles of queries over blocks of keys that are listed: each tile of a head by
/// itself, over its keys alone.
final class ListedAttention {
  private ListedAttention() {}

  /// Writes softmax(q kᵀ scale) v of float32 heads to `target`, `queries` of a head at a time.
  static void run(
      CpuMemory memory,
      Kernels kernels,
      Heads heads,
      KeyBlocks blocks,
      int queries,
      double scale,
      Tensor target) {
    for (int head = 0; head < heads.heads(); head++) {
      for (int first = 0; first < heads.queries(); first += queries) {
        try (Scope _ = memory.scope()) {
          int count = Math.min(queries, heads.queries() - first);
          int[] keys = keys(heads, blocks, head, first / queries);
          int[] rows = new int[count];
          for (int i = 0; i < count; i++) {
            rows[i] = first + i;
          }
          Heads some =
              new Heads(
                  picked(memory, heads.query(), head, rows),
                  picked(memory, heads.key(), head, keys),
                  picked(memory, heads.value(), head, keys));
          Tensor out = memory.empty(DType.F32, some.query().shape());
          kernels.attention(some, scale, out);
          long bytes = heads.headSize() * 4L;
          for (int i = 0; i < count; i++) {
            long to = ((long) rows[i] * heads.heads() + head) * bytes;
            MemorySegment.copy(out.segment(), i * bytes, target.segment(), to, bytes);
          }
        }
      }
    }
  }

  private static int[] keys(Heads heads, KeyBlocks blocks, int head, int tile) {
    long list = (long) head * blocks.counts().length(1) + tile;
    int count = Math.clamp(Floats.integer(blocks.counts().segment(), list), 1, blocks.most());
    int[] keys = new int[count * KeyBlocks.KEYS];
    int length = 0;
    for (int i = 0; i < count; i++) {
      int block = Floats.integer(blocks.blocks().segment(), list * blocks.most() + i);
      int end = Math.min(heads.keys(), (block + 1) * KeyBlocks.KEYS);
      for (int key = block * KeyBlocks.KEYS; key < end; key++) {
        keys[length++] = key;
      }
    }
    return Arrays.copyOf(keys, length);
  }

  private static Tensor picked(CpuMemory memory, Tensor x, int head, int[] rows) {
    int size = x.length(2);
    Tensor target = memory.empty(DType.F32, Shape.of(rows.length, 1, size));
    for (int i = 0; i < rows.length; i++) {
      long from = ((long) rows[i] * x.length(1) + head) * size * 4;
      MemorySegment.copy(x.segment(), from, target.segment(), (long) i * size * 4, size * 4L);
    }
    return target;
  }
}
