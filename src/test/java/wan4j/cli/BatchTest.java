package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static wan4j.cli.Terminal.IMAGE_TO_VIDEO;
import static wan4j.cli.Terminal.PICTURE;
import static wan4j.cli.Terminal.TEXT_TO_VIDEO;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Many requests with one load of the networks.
final class BatchTest {
  @TempDir Path folder;

  @Test
  void aLineThatFailsDoesNotStopTheRestAndWhatIsThereStays() throws IOException {
    Path list =
        Files.writeString(
            folder.resolve("list.csv"),
            """
            prompt,seed,size,name
            "a red ball, moving",7,,first.mkv
            a blue ball,8,63*32,second.mkv
            a green ball,9,32*32,third
            a green ball,9,32*32,third
            """);
    Path videos = folder.resolve("videos");
    Terminal run = generate(list, videos);
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error())
        .contains("wan4j: line 3: ", "63*32")
        .contains("wan4j: line 5: name got \"third\", which is the name of line 4")
        .contains("2 of 4 videos made, 2 failed: line 3, 5");
    assertThat(Terminal.names(videos)).containsExactly("first.mkv", "third.mp4");
    // the same as a command of its own makes
    Path alone = folder.resolve("alone.mkv");
    assertThat(Terminal.generate(TEXT_TO_VIDEO, alone, "--prompt", "a red ball, moving").code())
        .isZero();
    assertThat(videos.resolve("first.mkv")).hasSameBinaryContentAs(alone);
    FileTime made = Files.getLastModifiedTime(videos.resolve("first.mkv"));
    Files.writeString(list, "prompt,seed,name\n\"a red ball, moving\",7,first.mkv\n");
    Terminal again = generate(list, videos);
    assertThat(again.code()).as(again.error()).isZero();
    assertThat(again.error()).contains("0 of 1 videos made, 1 were there already");
    assertThat(Files.getLastModifiedTime(videos.resolve("first.mkv"))).isEqualTo(made);
    Terminal anew = generate(list, videos, "--overwrite");
    assertThat(anew.error()).contains("1 of 1 videos made");
    assertThat(videos.resolve("first.mkv")).hasSameBinaryContentAs(alone);
  }

  @Test
  void jsonLinesNamePicturesAndOtherFlagsOfARequest() throws IOException {
    Path list =
        Files.writeString(
            folder.resolve("list.jsonl"),
            """
            {"prompt": "a ball", "image": "%s", "frame_num": 1, "steps": 1, "name": "one.png"}

            {"prompt": "a ball", "image": "none.png"}
            {"prompt": ["a ball"]}
            {"prompt": "a ball", "device": "cuda"}
            no json
            """
                .formatted(PICTURE));
    List<String> more = List.of("--any_size", "--size", "32*32");
    Terminal run = generate(IMAGE_TO_VIDEO, list, folder, more);
    assertThat(run.code()).isEqualTo(2);
    assertThat(run.error())
        .contains("line 3: ", "none.png", "line 4: prompt is a list", "line 6: ")
        .contains("line 5: it says \"device\", which a request cannot")
        .contains("1 of 5 videos made, 4 failed: line 3, 4, 5, 6");
    assertThat(Terminal.names(folder)).containsExactly("list.jsonl", "one.png");
  }

  @Test
  void aListThatCannotBeReadIsRefused() throws IOException {
    Map<String, String> refused =
        Map.of(
            "", "holds no request",
            "prompt,prompt\na,b\n", "expected a name for each column, each once");
    for (Map.Entry<String, String> each : refused.entrySet()) {
      Path list = Files.writeString(folder.resolve("list.csv"), each.getKey());
      Terminal run = generate(list, folder);
      assertThat(run.code()).isEqualTo(2);
      assertThat(run.error().lines()).hasSize(1);
      assertThat(run.error()).contains(each.getValue());
    }
    Path list = Files.writeString(folder.resolve("list.csv"), "prompt\na\n");
    assertThat(generate(list, folder, "--compare", "bf16").error()).contains("leave them out");
    assertThat(generate(folder.resolve("none.csv"), folder).error()).contains("does not exist");
  }

  @Test
  void cellsInQuotesHoldCommasQuotesAndLineEnds() throws IOException {
    Path list =
        Files.writeString(
            folder.resolve("list.csv"),
            "\uFEFFprompt,seed\r\n\"a \"\"b\"\",\nc\",1\r\nd,\r\n\"\",2\nx,y,z\n");
    assertThat(RequestList.read(list))
        .containsExactly(
            new RequestList.Line(2, Map.of("prompt", "a \"b\",\nc", "seed", "1"), null),
            new RequestList.Line(4, Map.of("prompt", "d"), null),
            new RequestList.Line(5, Map.of("seed", "2"), null),
            new RequestList.Line(
                6,
                Map.of(),
                "its number of columns is 3, expected 2 as in the first line; put text with commas"
                    + " into quotes"));
  }

  @Test
  void aQuoteThatIsNeverClosedSwallowsNoLines() throws IOException {
    Path list = Files.writeString(folder.resolve("list.csv"), "seed,prompt\n1,a\n2,\"b\n3,c\n");
    assertThat(RequestList.read(list))
        .containsExactly(
            new RequestList.Line(2, Map.of("prompt", "a", "seed", "1"), null),
            new RequestList.Line(
                3,
                Map.of(),
                "a quote is opened and never closed; close it, and double a quote that is text"));
  }

  private Terminal generate(Path list, Path target, String... more) {
    List<String> flags = new ArrayList<>(List.of("--any_size", "--size", "64*32"));
    flags.addAll(List.of("--frame_num", "5", "--sample_steps", "2", "--base_seed", "7"));
    flags.addAll(List.of(more));
    return generate(TEXT_TO_VIDEO, list, target, flags);
  }

  private static Terminal generate(Path checkpoint, Path list, Path target, List<String> more) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "generate",
                "--ckpt_dir",
                checkpoint.toString(),
                "--requests",
                list.toString(),
                "--save_file",
                target.toString()));
    all.addAll(more);
    return Terminal.run(all.toArray(String[]::new));
  }
}
