package wan4j.tensor;

import java.lang.foreign.MemorySegment;

/// A tensor that lies somewhere, mostly in a file, and is read in pieces when a backend takes it.
public interface TensorSource {
  /// Returns the name under which the checkpoint holds the tensor.
  String name();

  /// Returns the shape.
  Shape shape();

  /// Returns the element type in which it is stored.
  DType dtype();

  /// Reads `target.byteSize()` bytes from byte `offset` of the tensor's row-major elements on; safe
  /// to call from many threads; throws `InputException` when the file has become shorter.
  void read(long offset, MemorySegment target);

  /// Returns the size in bytes.
  default long bytes() {
    return shape().count() * dtype().bytes();
  }

  /// Reads the whole tensor into the host's memory; meant for small ones.
  default Tensor load() {
    byte[] bytes = new byte[Math.toIntExact(bytes())];
    MemorySegment segment = MemorySegment.ofArray(bytes);
    read(0, segment);
    return new Tensor(shape(), dtype(), new HostStorage(segment));
  }

  /// Returns a source over a tensor in host memory.
  static TensorSource of(String name, Tensor tensor) {
    MemorySegment segment = tensor.segment();
    return new TensorSource() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public Shape shape() {
        return tensor.shape();
      }

      @Override
      public DType dtype() {
        return tensor.dtype();
      }

      @Override
      public void read(long offset, MemorySegment target) {
        MemorySegment.copy(segment, offset, target, 0, target.byteSize());
      }
    };
  }
}
