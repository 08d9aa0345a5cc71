package wan4j.cuda.device;

import wan4j.cuda.bind.CudaDriver;

/// A GPU's primary context, which must be the calling thread's own wherever the driver is called:
/// whoever gives out a stream, memory, a kernel or a library's handle adopts it first. One thread
/// at a time uses it; another may take over between operations.
public final class DeviceContext {
  private final long handle;
  private Thread thread = Thread.currentThread();

  /// Makes the context of the GPU of this ordinal the calling thread's own.
  DeviceContext(int ordinal) {
    CudaDriver.initialize();
    handle = CudaDriver.retainContext(ordinal);
  }

  /// Returns the driver's handle, for threads that work for the one that uses the context.
  public long handle() {
    return handle;
  }

  /// Makes the context the calling thread's own when another thread used it last.
  public void adopt() {
    if (thread != Thread.currentThread()) {
      CudaDriver.useContext(handle);
      thread = Thread.currentThread();
    }
  }
}
