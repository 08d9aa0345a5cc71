package wan4j.cuda;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import wan4j.cuda.bind.CudaGraphs;
import wan4j.cuda.device.Device;

/// Repeated work as CUDA graphs. What was done twice under a key in the same place, and has changed
/// nothing that decides which work it is, is recorded the third time and from then on played by one
/// call: the same kernels with the same arguments in the same order. The first time loads kernels
/// and makes plans. In another place it is done as ever, and recorded anew when it stays there.
final class RecordedWork implements AutoCloseable {
  private static final int MOST = 16; // records; two experts with two branches have four
  private static final int DONE = 2; // times before

  /// What work depends on beside its key.
  ///
  /// @param inputs their addresses
  /// @param position where the work's own tensors begin
  /// @param state which work operations become
  record Place(List<Long> inputs, Object position, CudaOps.LaunchState state) {}

  /// Work that was done in a place, so many times, or recorded there.
  private record Entry(Place place, int times, long executable) {
    boolean isRecorded() {
      return executable != 0;
    }
  }

  private final Device device;
  private final Map<Object, Entry> entries = new LinkedHashMap<>(); // the latest used last

  RecordedWork(Device device) {
    this.device = device;
  }

  /// Does work, or plays its record; `place` tells where it is now.
  void run(Object key, Supplier<Place> place, Runnable work) {
    Place before = place.get();
    Entry entry = entries.remove(key);
    if (entry != null && !entry.place().equals(before)) {
      forget(entry);
      entry = null;
    }
    int times = entry == null ? 0 : entry.times();
    if (times < DONE) {
      work.run();
      if (place.get().equals(before)) {
        keep(key, new Entry(before, times + 1, 0));
      }
      return;
    }
    Entry recorded = entry.isRecorded() ? entry : new Entry(before, times, record(work));
    keep(key, recorded);
    CudaGraphs.launch(recorded.executable(), device.stream());
  }

  private long record(Runnable work) {
    CudaGraphs.begin(device.stream());
    device.recording(true);
    try {
      work.run();
    } catch (RuntimeException | Error e) {
      try {
        CudaGraphs.destroy(CudaGraphs.end(device.stream()));
      } catch (RuntimeException spoiled) { // by what has failed
        e.addSuppressed(spoiled);
      }
      throw e;
    } finally {
      device.recording(false);
    }
    long graph = CudaGraphs.end(device.stream());
    try {
      return CudaGraphs.executable(graph);
    } finally {
      CudaGraphs.destroy(graph);
    }
  }

  private void keep(Object key, Entry entry) {
    entries.put(key, entry);
    if (entries.size() > MOST) {
      Iterator<Entry> all = entries.values().iterator();
      forget(all.next());
      all.remove();
    }
  }

  private void forget(Entry entry) {
    if (entry.isRecorded()) {
      device
          .context()
          .release(() -> {
            device.synchronize(); // it may run still
            CudaGraphs.destroyExecutable(entry.executable());
          });
    }
  }

  /// Frees all records.
  @Override
  public void close() {
    entries.values().forEach(this::forget);
    entries.clear();
  }
}
