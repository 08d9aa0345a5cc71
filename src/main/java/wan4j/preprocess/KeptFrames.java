package wan4j.preprocess;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;
import wan4j.files.InputFile;
import wan4j.files.PendingFile;
import wan4j.tensor.InputException;

/// What networks found in the frames of a video, kept as each is done, so that an interrupted run
/// can go on: a hidden file in the folder that is made, which goes when the folder is whole.
final class KeptFrames implements AutoCloseable {
  private static final String NAME = ".found-so-far";
  private static final int VERSION = 1;

  private final Path file;
  private final Map<Integer, Kept> known;
  private final DataOutputStream out;

  private KeptFrames(Path file, Map<Integer, Kept> known, DataOutputStream out) {
    this.file = file;
    this.known = known;
    this.out = out;
  }

  /// What was found in a frame; the mask is null where it is not kept.
  record Kept(PersonFinder.Found found, Bitmap mask) {}

  /// Says whether a folder holds what an interrupted run found.
  static boolean areIn(Path folder) {
    return Files.isRegularFile(folder.resolve(NAME));
  }

  /// Begins anew, or goes on from what a run of the same `settings` found. Throws `InputException`
  /// when it was of other settings, or the folder cannot be written to.
  static KeptFrames open(Path folder, String settings, boolean goesOn) {
    Path file = folder.resolve(NAME);
    Map<Integer, Kept> known =
        goesOn && Files.isRegularFile(file) ? read(file, settings) : new HashMap<>();
    try (PendingFile pending = PendingFile.file(file)) {
      try (DataOutputStream begun = stream(pending.path(), StandardOpenOption.CREATE_NEW)) {
        begun.writeInt(VERSION);
        begun.writeUTF(settings);
        for (Map.Entry<Integer, Kept> each : known.entrySet()) {
          write(begun, each.getKey(), each.getValue());
        }
      }
      pending.commit();
      return new KeptFrames(file, known, stream(file, StandardOpenOption.APPEND));
    } catch (IOException e) {
      throw PendingFile.failure(file, e);
    }
  }

  private static DataOutputStream stream(Path file, OpenOption option) throws IOException {
    return new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file, option)));
  }

  private static Map<Integer, Kept> read(Path file, String settings) {
    Map<Integer, Kept> known = new HashMap<>();
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
      if (in.readInt() != VERSION || !in.readUTF().equals(settings)) {
        throw new InputException(
            "--resume found what was begun with another video, other networks or other flags in %s; give the same again, or leave out --resume"
                .formatted(file.getParent()));
      }
      while (true) {
        int number = in.readInt();
        known.put(number, readOne(in));
      }
    } catch (EOFException e) {
      return known; // the end, perhaps within a frame that was being written
    } catch (IOException e) {
      throw InputFile.failure(file, e);
    }
  }

  private static Kept readOne(DataInputStream in) throws IOException {
    PersonBox box =
        in.readBoolean()
            ? new PersonBox(
                in.readDouble(), in.readDouble(), in.readDouble(), in.readDouble(), in.readDouble())
            : null;
    int others = in.readInt();
    float[] points = new float[Pose.WHOLE_BODY * 3];
    for (int i = 0; i < points.length; i++) {
      points[i] = in.readFloat();
    }
    Bitmap mask = null;
    if (in.readBoolean()) {
      int width = in.readInt();
      int height = in.readInt();
      byte[] packed = new byte[in.readInt()];
      in.readFully(packed);
      try (InputStream inflated = new InflaterInputStream(new ByteArrayInputStream(packed))) {
        mask = new Bitmap(width, height, inflated.readNBytes(width * height));
      }
    }
    return new Kept(new PersonFinder.Found(box, others, points), mask);
  }

  /// Returns how many frames are known.
  int count() {
    return known.size();
  }

  /// Returns what was found in a frame, or null.
  Kept get(int number) {
    return known.get(number);
  }

  /// Keeps what was found in a frame.
  void put(int number, Kept kept) {
    try {
      write(out, number, kept);
      out.flush();
    } catch (IOException e) {
      throw PendingFile.failure(file, e);
    }
  }

  private static void write(DataOutputStream out, int number, Kept kept) throws IOException {
    ByteArrayOutputStream record = new ByteArrayOutputStream();
    DataOutputStream data = new DataOutputStream(record);
    data.writeInt(number);
    PersonBox box = kept.found.box();
    data.writeBoolean(box != null);
    if (box != null) {
      data.writeDouble(box.left());
      data.writeDouble(box.top());
      data.writeDouble(box.right());
      data.writeDouble(box.bottom());
      data.writeDouble(box.score());
    }
    data.writeInt(kept.found.others());
    ByteBuffer points = ByteBuffer.allocate(kept.found.points().length * Float.BYTES);
    points.asFloatBuffer().put(kept.found.points());
    data.write(points.array());
    data.writeBoolean(kept.mask != null);
    if (kept.mask != null) {
      ByteArrayOutputStream packed = new ByteArrayOutputStream();
      try (DeflaterOutputStream deflated = new DeflaterOutputStream(packed)) {
        deflated.write(kept.mask.bits());
      }
      data.writeInt(kept.mask.width());
      data.writeInt(kept.mask.height());
      data.writeInt(packed.size());
      packed.writeTo(data);
    }
    record.writeTo(out);
  }

  /// Removes the file, as the folder is whole.
  void remove() {
    try {
      out.close();
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw PendingFile.failure(file, e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw PendingFile.failure(file, e);
    }
  }
}
