package wan4j.parallel;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;

/// Named host tensors on their way from one process to another: a list of what they are, then their
/// elements as a stream of bytes that can be cut anywhere.
///
/// @param names one a tensor
/// @param tensors in host memory
record HostParcel(List<String> names, List<Tensor> tensors) {
  private static final int MOST = 1 << 20; // tensors, and dimensions of one

  /// Returns tensors without names.
  static HostParcel of(List<Tensor> tensors) {
    return new HostParcel(tensors.stream().map(_ -> "").toList(), tensors);
  }

  /// Returns the number of bytes of all elements.
  long bytes() {
    return tensors.stream().mapToLong(Tensor::bytes).sum();
  }

  /// Returns what the tensors are, without their elements.
  byte[] head() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(tensors.size());
      for (int i = 0; i < tensors.size(); i++) {
        Tensor tensor = tensors.get(i);
        out.writeUTF(names.get(i));
        out.writeUTF(tensor.dtype().name());
        long[] sizes = tensor.shape().toArray();
        out.writeInt(sizes.length);
        for (long size : sizes) {
          out.writeLong(size);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /// Returns the parcel of a head, whose elements are to be written; throws
  /// `IllegalArgumentException` for bytes that are none.
  static HostParcel of(byte[] head) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(head))) {
      List<String> names = new ArrayList<>();
      List<Tensor> tensors = new ArrayList<>();
      for (int i = count(in); i > 0; i--) {
        names.add(in.readUTF());
        DType dtype = DType.valueOf(in.readUTF());
        long[] sizes = new long[count(in)];
        for (int axis = 0; axis < sizes.length; axis++) {
          sizes[axis] = in.readLong();
        }
        Shape shape = Shape.of(sizes);
        long bytes = Math.multiplyExact(shape.count(), dtype.bytes());
        MemorySegment memory =
            Arena.ofAuto().allocate(Math.max(bytes, 1), Long.BYTES).asSlice(0, bytes);
        tensors.add(new Tensor(shape, dtype, new HostStorage(memory)));
      }
      return new HostParcel(names, tensors);
    } catch (IOException e) {
      throw new IllegalArgumentException("a list of tensors that ends early", e);
    }
  }

  private static int count(DataInputStream in) throws IOException {
    int count = in.readInt();
    if (count < 0 || count > MOST) {
      throw new IllegalArgumentException("a list of %d tensors".formatted(count));
    }
    return count;
  }

  /// Returns at most so many bytes of all elements from an offset on.
  byte[] read(long offset, int most) {
    byte[] bytes = new byte[Math.toIntExact(Math.clamp(bytes() - offset, 0, most))];
    MemorySegment target = MemorySegment.ofArray(bytes);
    each(
        offset,
        bytes.length,
        (memory, at, length, done) -> MemorySegment.copy(memory, at, target, done, length));
    return bytes;
  }

  /// Writes bytes of all elements from an offset on.
  void write(long offset, byte[] bytes) {
    MemorySegment source = MemorySegment.ofArray(bytes);
    each(
        offset,
        bytes.length,
        (memory, at, length, done) -> MemorySegment.copy(source, done, memory, at, length));
  }

  /// Copies between a tensor's memory and what is sent.
  private interface Copy {
    void of(MemorySegment memory, long at, long length, long done);
  }

  private void each(long offset, long bytes, Copy copy) {
    long begin = 0; // of a tensor, in the stream
    long done = 0;
    for (Tensor tensor : tensors) {
      long at = offset + done - begin;
      long length = Math.min(tensor.bytes() - at, bytes - done);
      if (at >= 0 && length > 0) {
        copy.of(tensor.segment(), at, length, done);
        done += length;
      }
      begin += tensor.bytes();
    }
    if (done != bytes) {
      throw new IllegalArgumentException("%d bytes of tensors too many".formatted(bytes - done));
    }
  }
}
