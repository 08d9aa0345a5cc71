package wan4j.cuda.bind;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.util.List;

/// One descriptor of cuDNN's backend API: attributes are set, then it is finished and fixed.
final class CudnnDescriptor implements AutoCloseable {
  private final long address;

  CudnnDescriptor(int type) {
    address = Cudnn.createDescriptor(type);
  }

  long address() {
    return address;
  }

  CudnnDescriptor setInteger(int attribute, int type, int value) {
    try (var arena = Arena.ofConfined()) {
      Cudnn.set(address, attribute, type, 1, arena.allocateFrom(JAVA_INT, value));
    }
    return this;
  }

  CudnnDescriptor setFloat(int attribute, float value) {
    try (var arena = Arena.ofConfined()) {
      var memory = arena.allocateFrom(JAVA_FLOAT, value);
      Cudnn.set(address, attribute, CudnnNames.TYPE_FLOAT, 1, memory);
    }
    return this;
  }

  CudnnDescriptor setTrue(int attribute) {
    try (var arena = Arena.ofConfined()) {
      var memory = arena.allocateFrom(JAVA_BYTE, (byte) 1);
      Cudnn.set(address, attribute, CudnnNames.TYPE_BOOLEAN, 1, memory);
    }
    return this;
  }

  CudnnDescriptor setLongs(int attribute, int type, List<Long> values) {
    try (var arena = Arena.ofConfined()) {
      var numbers = values.stream().mapToLong(Long::longValue).toArray();
      Cudnn.set(address, attribute, type, numbers.length, arena.allocateFrom(JAVA_LONG, numbers));
    }
    return this;
  }

  CudnnDescriptor set(int attribute, CudnnDescriptor value) {
    return setLongs(attribute, CudnnNames.TYPE_BACKEND_DESCRIPTOR, List.of(value.address));
  }

  CudnnDescriptor finish() {
    Cudnn.finish(address);
    return this;
  }

  /// Reads one 8-byte number.
  long number(int attribute) {
    try (var arena = Arena.ofConfined()) {
      var out = arena.allocate(JAVA_LONG);
      Cudnn.get(address, attribute, CudnnNames.TYPE_INT64, 1, out);
      return NativeLibrary.pointer(out);
    }
  }

  @Override
  public void close() {
    Cudnn.destroyDescriptor(address);
  }
}
