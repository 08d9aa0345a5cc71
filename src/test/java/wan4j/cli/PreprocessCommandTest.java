package wan4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PreprocessCommandTest {
  @TempDir Path folder;

  private Terminal run(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "preprocess",
                "animate",
                "--video",
                folder.resolve("dance.mp4").toString(),
                "--image",
                Terminal.PICTURE.toString(),
                "--out",
                folder.resolve("work").toString(),
                "--ckpt_path",
                folder.toString()));
    arguments.addAll(List.of(more));
    return Terminal.run(arguments.toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "--use_flux; give both with --refer_edit and --tpl_edit",
        "--retarget_flag --replace_flag; leave out one",
        "--refer_edit a.png --tpl_edit b.png; without --retarget_flag",
        "--retarget_flag --refer_edit a.png; --refer_edit was given without --tpl_edit",
        "--retarget_flag --tpl_edit a.png; --tpl_edit was given without --refer_edit",
        "--mask_video m.mp4; --mask_video was given without --replace_flag",
        "--iterations 0; --iterations was given without --replace_flag",
        "--w_len 2; --w_len was given without --replace_flag",
        "--fps 0; --fps got 0",
        "--fps -2; it takes a whole number from -1 to 1000",
        "--replace_flag --k 0; it takes a whole number from 1 to 255",
        "--resolution_area 1280; --resolution_area",
      })
  void flagsThatDoNotFitAreRefusedInASentence(String flags, String words) {
    Terminal run = run(flags.split(" "));
    assertThat(run.code()).isEqualTo(Main.BAD_INPUT);
    assertThat(run.error().lines()).hasSize(1);
    assertThat(run.error()).contains(words);
    assertThat(folder.resolve("work")).doesNotExist();
  }

  @Test
  void missingFilesAreNamed() throws IOException {
    Terminal missing = run();
    assertThat(missing.code()).isEqualTo(Main.BAD_INPUT);
    assertThat(missing.error()).contains("the file " + folder.resolve("dance.mp4"));
    Files.createFile(folder.resolve("dance.mp4"));
    assertThat(run("--fps", "-1", "--resolution_area", "640", "480").error())
        .contains("has no det/yolov10m.onnx; give --ckpt_path the folder process_checkpoint");
    Terminal nowhere =
        Terminal.run(
            "preprocess",
            "animate",
            "--video",
            "a.mp4",
            "--image",
            "b.png",
            "-o",
            "c",
            "--ckpt_dir",
            folder.resolve("none").toString());
    assertThat(nowhere.error()).contains("--ckpt_dir got", "which is not a folder");
    Terminal unnamed =
        Terminal.run("preprocess", "animate", "--video", "a.mp4", "--image", "b.png", "-o", "c");
    assertThat(unnamed.error())
        .contains("--ckpt_path is Wan2.2-Animate-14B, which is not a folder; give the folder");
  }
}
