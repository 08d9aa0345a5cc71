package wan4j.bench.random;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.LongStream;
import wan4j.tensor.BFloat16;
import wan4j.tensor.DType;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.TensorSource;

/// Random values rounded to bfloat16, as files store them, computed on all processors.
public record RoundedSource(RandomSource source) implements TensorSource {
  private static final int PIECE = 1 << 20; // elements
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  @Override
  public String name() {
    return source.name();
  }

  @Override
  public Shape shape() {
    return source.shape();
  }

  @Override
  public DType dtype() {
    return DType.BF16;
  }

  @Override
  public void read(long offset, MemorySegment target) {
    long first = offset / Short.BYTES;
    long count = target.byteSize() / Short.BYTES;
    LongStream.range(0, Math.ceilDiv(count, PIECE))
        .map(piece -> piece * PIECE)
        .parallel()
        .forEach(start -> round(start, first, (int) Math.min(PIECE, count - start), target));
  }

  private void round(long start, long first, int count, MemorySegment target) {
    float[] piece = source.values(first + start, count);
    for (int i = 0; i < count; i++) {
      target.set(SHORT, (start + i) * Short.BYTES, BFloat16.fromFloat(piece[i]));
    }
  }
}
