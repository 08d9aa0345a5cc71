package wan4j.cuda;

import java.util.List;
import wan4j.cuda.bind.CloseStack;
import wan4j.cuda.bind.CudaStreams;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceStorage;
import wan4j.ops.backend.SharedWeights;
import wan4j.tensor.Tensor;

/// Copies of weights that other ranks of this process hold, on this GPU or another: those of the
/// next block in a stream of their own, beside the present one's work, by the GPU's copy engines.
/// Events order them with the work; the host waits for nothing.
final class BlockGathers implements AutoCloseable {
  private final Device device;
  private final CloseStack open = new CloseStack();
  private final long stream;
  private final long free; // the work before has read what a buffer held
  private final long[] filled = new long[SharedWeights.BUFFERS];

  BlockGathers(Device device) {
    this.device = device;
    device.context().enter();
    stream = open.add(CudaStreams.create(), CudaStreams::destroy);
    free = open.add(CudaStreams.createEvent(), CudaStreams::destroyEvent);
    for (int buffer = 0; buffer < filled.length; buffer++) {
      filled[buffer] = open.add(CudaStreams.createEvent(), CudaStreams::destroyEvent);
    }
  }

  /// Copies a tensor in the order of the device's work.
  void copy(Tensor theirs, Tensor own) {
    device.begin();
    copy(theirs, own, device.stream());
  }

  private void copy(Tensor theirs, Tensor own, long where) {
    if (own.bytes() > 0) {
      long from = DeviceStorage.address(theirs);
      device.context().copy(DeviceStorage.address(own), from, own.bytes(), where);
    }
  }

  /// Begins to fill a buffer when the work so far is done.
  void begin(int buffer, List<SharedWeights.Move> moves) {
    device.begin();
    CudaStreams.record(free, device.stream());
    CudaStreams.waitFor(stream, free);
    for (SharedWeights.Move move : moves) {
      copy(move.theirs(), move.own(), stream);
    }
    CudaStreams.record(filled[buffer], stream);
  }

  /// Has later work wait until a buffer is filled.
  void await(int buffer) {
    device.begin();
    CudaStreams.waitFor(device.stream(), filled[buffer]);
  }

  /// Waits until a buffer is filled.
  void finish(int buffer) {
    device.context().enter();
    CudaStreams.synchronizeEvent(filled[buffer]);
  }

  /// Waits until nothing is copied any more.
  @Override
  public void close() {
    device
        .context()
        .release(() -> {
          device.context().enter();
          CudaStreams.synchronize(stream);
          open.close();
        });
  }
}
