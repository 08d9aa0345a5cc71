package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Device arrays of a probe, given back together.
final class ProbeMemory implements AutoCloseable {
  private final List<Long> taken = new ArrayList<>();

  long empty(long bytes) {
    var address = CudaDriver.allocate(bytes);
    taken.add(address);
    CudaDriver.fillBytes(address, 0xA5, bytes, 0); // poison: what nobody writes is seen
    return address;
  }

  long floats(float[] values) {
    return copied(MemorySegment.ofArray(values));
  }

  long bfloats(float[] values) {
    var bits = new short[values.length];
    for (var index = 0; index < values.length; index++) {
      bits[index] = (short) (Float.floatToRawIntBits(values[index]) >>> 16);
    }
    return copied(MemorySegment.ofArray(bits));
  }

  long bytes(byte[] values) {
    return copied(MemorySegment.ofArray(values));
  }

  private long copied(MemorySegment heap) {
    try (var arena = Arena.ofConfined()) {
      var host = arena.allocate(heap.byteSize(), 16);
      host.copyFrom(heap);
      var address = empty(heap.byteSize());
      CudaDriver.copyToDevice(address, host, 0);
      CudaStreams.synchronize(0);
      return address;
    }
  }

  /// Reads `count` elements of this many bytes each as floats: 4 float32, 2 bf16, 1 E4M3.
  static float[] read(long address, int count, int bytes) {
    CudaStreams.synchronize(0);
    try (var arena = Arena.ofConfined()) {
      var host = arena.allocate((long) count * bytes, 16);
      CudaDriver.copyToHost(host, address, 0);
      CudaStreams.synchronize(0);
      var values = new float[count];
      for (var index = 0; index < count; index++) {
        values[index] =
            switch (bytes) {
              case 4 -> host.getAtIndex(JAVA_FLOAT, index);
              case 2 -> Float.intBitsToFloat(host.getAtIndex(JAVA_SHORT, index) << 16);
              default -> e4m3(host.getAtIndex(JAVA_BYTE, index));
            };
      }
      return values;
    }
  }

  /// The value of an E4M3 byte: four exponent bits of bias 7, three of mantissa, no infinity.
  static float e4m3(byte bits) {
    var exponent = bits >> 3 & 15;
    var mantissa = bits & 7;
    if (exponent == 15 && mantissa == 7) {
      return Float.NaN;
    }
    var size =
        exponent == 0 ? mantissa / 512f : (1 + mantissa / 8f) * (float) Math.pow(2, exponent - 7);
    return bits < 0 ? -size : size;
  }

  /// Normal values that bf16 holds exactly.
  static float[] normal(Random random, int count) {
    var values = new float[count];
    for (var index = 0; index < count; index++) {
      values[index] =
          Float.intBitsToFloat(Float.floatToRawIntBits((float) random.nextGaussian()) & 0xFFFF0000);
    }
    return values;
  }

  /// E4M3 bytes of both signs between 1/64 and 1 or so, never NaN.
  static byte[] eights(Random random, int count) {
    var values = new byte[count];
    for (var index = 0; index < count; index++) {
      values[index] = (byte) (random.nextInt(2) << 7 | 0x08 + random.nextInt(0x30));
    }
    return values;
  }

  /// Relative L2 distance.
  static double distance(float[] got, double[] expected) {
    var difference = 0.0;
    var size = 0.0;
    for (var index = 0; index < got.length; index++) {
      difference += (got[index] - expected[index]) * (got[index] - expected[index]);
      size += expected[index] * expected[index];
    }
    return Math.sqrt(difference / size);
  }

  @Override
  public void close() {
    CudaStreams.synchronize(0);
    taken.forEach(CudaDriver::free);
  }
}
