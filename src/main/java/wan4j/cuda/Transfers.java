package wan4j.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import wan4j.cuda.bind.CudaDriver;
import wan4j.cuda.device.BlockScales;
import wan4j.cuda.device.Device;
import wan4j.cuda.device.DeviceMemory;
import wan4j.cuda.device.DeviceStorage;
import wan4j.cuda.kernel.ElementwiseKernels;
import wan4j.cuda.kernel.RandomKernels;
import wan4j.ops.Activation;
import wan4j.ops.Download;
import wan4j.ops.Scope;
import wan4j.tensor.DType;
import wan4j.tensor.HostStorage;
import wan4j.tensor.RandomSource;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.tensor.TensorSource;

/// Tensors between the host, files and device memory.
final class Transfers implements AutoCloseable {
  /// Page-locked bytes through which small tensors pass, so that the host need not wait for them in
  /// the step loop.
  private static final long PINNED = 1L << 20;

  private static final long SMALL = PINNED / 16;

  private final Device device;
  private final DeviceMemory memory;
  private final ElementwiseKernels elementwise;
  private final RandomKernels random;
  private final MemorySegment pinned = CudaDriver.allocateHost(PINNED);
  private final Downloads downloads;
  private long pinnedUsed;
  private WeightLoader loader;

  Transfers(Device device, DeviceMemory memory, ElementwiseKernels elementwise) {
    this.device = device;
    this.memory = memory;
    this.elementwise = elementwise;
    random = new RandomKernels(device);
    downloads = new Downloads(device);
  }

  /// Begins the load of a whole tensor into device memory, in the target's type; later work sees
  /// it.
  void load(TensorSource source, Tensor target) {
    if (source instanceof RandomSource numbers) {
      random.fill(numbers, target);
      return;
    }
    if (loader == null) {
      loader = new WeightLoader(device, elementwise);
    }
    loader.load(source, target);
  }

  /// Copies a host tensor to the device, as the given float type or unchanged for integers.
  Tensor upload(Tensor host, DType dtype) {
    DType kept = host.dtype().isFloat() ? dtype : host.dtype();
    Tensor result = memory.empty(kept, host.shape());
    try (Scope _ = memory.scope()) {
      Tensor raw = kept == host.dtype() ? result : memory.empty(host.dtype(), host.shape());
      if (host.count() > 0) {
        send(host, DeviceStorage.address(raw));
        if (raw != result) {
          elementwise.convert(raw, result, Activation.NONE);
        }
      }
    }
    return result;
  }

  private void send(Tensor host, long address) {
    if (host.bytes() <= SMALL) {
      device.copyIn(address, pinned(host));
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(host.bytes(), 64).copyFrom(host.segment());
      device.copyIn(address, copy);
      device.synchronize(); // the copy must not outlive the arena
    }
  }

  /// Returns a page-locked copy, which stays as it is until all places have been used once more.
  private MemorySegment pinned(Tensor host) {
    long step = Math.ceilDiv(host.bytes(), 64L) * 64;
    if (pinnedUsed + step > PINNED) {
      device.synchronize();
      pinnedUsed = 0;
    }
    MemorySegment copy = pinned.asSlice(pinnedUsed, host.bytes()).copyFrom(host.segment());
    pinnedUsed += step;
    return copy;
  }

  /// Begins to copy a tensor to the host, unchanged.
  Download beginDownload(Tensor tensor) {
    return switch (tensor.storage()) {
      case HostStorage _ -> {
        MemorySegment copy = host(tensor.bytes());
        copy.copyFrom(tensor.segment());
        Tensor whole = new Tensor(tensor.shape(), tensor.dtype(), new HostStorage(copy));
        yield () -> whole;
      }
      case BlockScales scales -> {
        Shape shape = tensor.shape();
        Download raw =
            downloads.begin(DType.U8, Shape.of(scales.bytes()), scales.memory().address());
        yield () -> {
          MemorySegment copy = host(tensor.bytes());
          scales.arrange(raw.await().segment(), shape.size(0), shape.size(1), copy);
          return new Tensor(shape, tensor.dtype(), new HostStorage(copy));
        };
      }
      default -> downloads.begin(tensor.dtype(), tensor.shape(), DeviceStorage.address(tensor));
    };
  }

  private static MemorySegment host(long bytes) {
    return Arena.ofAuto().allocate(Math.max(bytes, 1), 64).asSlice(0, bytes);
  }

  /// Copies elements between tensors of the same count, converting between float types.
  void copy(Tensor source, Tensor target) {
    if (source.dtype() != target.dtype()) {
      elementwise.convert(source, target, Activation.NONE);
    } else if (source.bytes() > 0) {
      device.copy(DeviceStorage.address(target), DeviceStorage.address(source), source.bytes());
    }
  }

  /// Sets every element of a tensor to zero.
  void clear(Tensor target) {
    if (target.bytes() > 0) {
      device.fill(DeviceStorage.address(target), 0, target.bytes());
    }
  }

  @Override
  public void close() {
    if (loader != null) {
      loader.close();
    }
    downloads.close();
    device.context().release(() -> CudaDriver.freeHost(pinned));
  }
}
