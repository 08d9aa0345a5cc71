package wan4j.ops.backend;

/// The one thread that a backend serves: that which made it, until another claims it.
public final class OneThread {
  private volatile Thread thread = Thread.currentThread();

  /// Makes the calling thread the one.
  public void claim() {
    thread = Thread.currentThread();
  }

  /// Throws `IllegalStateException` when the calling thread is another.
  public void require() {
    Thread served = thread;
    Thread caller = Thread.currentThread();
    if (served != caller) {
      throw new IllegalStateException(
          "got a call from thread \"%s\", but the backend serves thread \"%s\"; call claim() from the new thread when the other has finished"
              .formatted(caller.getName(), served.getName()));
    }
  }
}
