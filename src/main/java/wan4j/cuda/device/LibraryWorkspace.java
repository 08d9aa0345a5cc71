package wan4j.cuda.device;

import wan4j.cuda.bind.Cudnn;

/// A cuDNN handle bound to the device's stream and one workspace for all its plans, which grows
/// when a plan that needs more first runs.
public final class LibraryWorkspace implements AutoCloseable {
  /// The largest workspace that a plan may ask for, which every request's memory is counted with:
  /// plans of full-size networks ask for 0 to 150 MB, and engines that want more are passed over.
  public static final long MOST = 256L << 20;

  private final Device device;
  private final long handle;
  private long address;
  private long bytes;

  public LibraryWorkspace(Device device) {
    this.device = device;
    handle = Cudnn.create();
    Cudnn.setStream(handle, device.stream());
  }

  /// Returns cuDNN's handle.
  public long handle() {
    device.context().enter();
    return handle;
  }

  /// Returns the address of a workspace of at least so many bytes, for work that begins now: like
  /// all work it waits for loads. The address stays until a plan needs more than any before.
  public long address(long needed) {
    device.begin();
    if (needed > bytes) {
      device.synchronize();
      free();
      device.renew();
      address = device.heap().take(needed);
      bytes = needed;
    }
    return address;
  }

  @Override
  public void close() {
    device.context().release(() -> Cudnn.destroy(handle));
    free();
  }

  private void free() {
    if (address != 0) {
      device.heap().give(address);
      address = 0;
      bytes = 0;
    }
  }
}
