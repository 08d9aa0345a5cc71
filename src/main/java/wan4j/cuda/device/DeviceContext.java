package wan4j.cuda.device;

import java.util.HashSet;
import java.util.Set;
import wan4j.cuda.bind.CudaContexts;
import wan4j.cuda.bind.CudaDriver;
import wan4j.ops.backend.OneThread;

/// A GPU's primary context, which must be the calling thread's own wherever the driver is called:
/// whoever gives out a stream, memory, a kernel or a library's handle enters it first. One thread
/// at a time uses it; another takes over by claiming it. A context that a failed kernel or the
/// hardware has broken takes no more work and gives nothing back.
public final class DeviceContext {
  private final long handle;
  private final OneThread user = new OneThread();
  private final Set<Long> reached = new HashSet<>(); // contexts whose memory this one copies from

  /// Makes the context of the GPU of this ordinal the calling thread's own.
  DeviceContext(int ordinal) {
    CudaDriver.initialize();
    handle = CudaContexts.retain(ordinal);
  }

  /// Makes the calling thread the one that uses the context from now on.
  public void claim() {
    user.claim();
  }

  /// Throws `IllegalStateException` when another thread than the calling one uses the context.
  public void requireUser() {
    user.require();
  }

  /// Makes the context the calling thread's own; throws `IllegalStateException` when another thread
  /// uses it, and `CudaException` when it is broken.
  public void enter() {
    user.require();
    CudaContexts.requireUnbroken(handle);
    CudaContexts.use(handle);
  }

  /// Makes the context the own one of a thread that works for the one that uses it.
  public void enterBeside() {
    CudaContexts.use(handle);
  }

  /// Copies from device memory of this context or another one of this process in stream order.
  public void copy(long to, long from, long bytes, long stream) {
    long other = CudaContexts.of(from);
    if (other == handle) {
      CudaDriver.copyOnDevice(to, from, bytes, stream);
      return;
    }
    if (reached.add(other)) {
      CudaContexts.reach(other);
    }
    CudaDriver.copyFromPeer(to, handle, from, other, bytes, stream);
  }

  /// Says whether the driver has given the context up.
  public boolean isBroken() {
    return CudaContexts.isBroken(handle);
  }

  /// Runs what gives something back to the driver or a library, unless the context is broken: then
  /// all of it is gone already, and each such call would fail.
  public void release(Runnable giveBack) {
    if (!isBroken()) {
      giveBack.run();
    }
  }
}
