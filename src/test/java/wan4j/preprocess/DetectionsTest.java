package wan4j.preprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.onnx.OnnxFile;
import wan4j.onnx.OnnxRuntime;
import wan4j.tensor.InputException;

class DetectionsTest {
  @TempDir Path folder;

  @Test
  void ofTwoPeopleTheLargerIsTakenAndTheOtherIsCounted() {
    float[] rows = {
      10, 10, 60, 110, 0.95f, 0, // a person
      100, 10, 180, 150, 0.6f, 0, // a larger one
      101, 11, 181, 150, 0.5f, 0, // the same again
      0, 0, 200, 200, 0.9f, 16 // a dog
    };
    Detections found = Detections.ofRows(rows, 2, 1);
    assertThat(found.all()).hasSize(3);
    Detections.Person person = found.person().orElseThrow();
    assertThat(person.box()).isEqualTo(new PersonBox(200, 10, 360, 150, 0.6f));
    assertThat(person.others()).isEqualTo(1);
  }

  @Test
  void whereOnlyOtherThingsWereFoundThereIsNobody() {
    assertThat(Detections.ofRows(new float[] {0, 0, 20, 20, 0.9f, 16}, 1, 1).person()).isEmpty();
    assertThat(Detections.ofRows(new float[] {0, 0, 20, 20, 0.04f, 0}, 1, 1).person()).isEmpty();
    assertThat(Detections.ofRows(new float[0], 1, 1).person()).isEmpty();
  }

  @Test
  void networksOfUnknownShapesAreRefusedWithWhatIsExpected() throws IOException {
    DrawnPerson.writeNetworks(folder);
    assertRefused("[1, 5, 85]; expected [1, N, 6]", "det/yolov10m.onnx", 3, 1, 5, 85);
    DrawnPerson.writeNetworks(folder);
    assertRefused(
        "[1, 17, 4, 4]; expected [1, 133, H, W]",
        "pose2d/vitpose_h_wholebody.onnx",
        3,
        1,
        17,
        4,
        4);
    DrawnPerson.writeNetworks(folder);
    assertRefused("takes [1, 4, 8, 8]; expected [1, 3, H, W]", "det/yolov10m.onnx", 4, 1, 1, 6);
  }

  /// Writes a network that takes so many colours and gives numbers of these sizes.
  private void assertRefused(String words, String name, int colours, long... sizes)
      throws IOException {
    int count = 1;
    for (long size : sizes) {
      count *= (int) size;
    }
    new OnnxFile()
        .input("images", 1, colours, 8, 8)
        .output("output", sizes)
        .floats("zeros", new float[count], sizes)
        .node("ReduceMax", "images", "most", OnnxFile.number("keepdims", 0))
        .node("Mul", "zeros,most", "output")
        .write(folder.resolve(name));
    OnnxRuntime runtime = OnnxRuntime.load(null, OnnxRuntime.Processor.CPU);
    assertThatThrownBy(() -> NetworkFinder.open(folder, runtime).close())
        .isInstanceOf(InputException.class)
        .hasMessageContaining(name)
        .hasMessageContaining(words);
  }
}
