package wan4j.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

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

  /// Returns `length` entries of the outermost axis from `first` on, read from this source; throws
  /// `IndexOutOfBoundsException` when there are not as many.
  default TensorSource slice(long first, long length) {
    Objects.checkFromIndexSize(first, length, shape().size(0));
    long row = bytes() / Math.max(1, shape().size(0));
    Shape sliced = shape().with(0, length);
    TensorSource whole = this;
    return new TensorSource() {
      @Override
      public String name() {
        return whole.name();
      }

      @Override
      public Shape shape() {
        return sliced;
      }

      @Override
      public DType dtype() {
        return whole.dtype();
      }

      @Override
      public void read(long offset, MemorySegment target) {
        Objects.checkFromIndexSize(offset, target.byteSize(), bytes());
        whole.read(first * row + offset, target);
      }
    };
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
