//! The workflow files that projects copy (`docs/ci`): valid by the services' own schemas, and their steps run here as CI
//! would run them, in a folder of their own, with the environment that the service sets.

use std::path::{Path, PathBuf};

use framelag_tests::process::{Builder, Finished, Process};
use framelag_tests::serving::{address_in, lasting_address};
use framelag_tests::{LIMIT, binary, need, turn};
use serde_json::Value;

/// What the proxy adds where a regression is injected: many times what a run has without.
const DELAY: &str = "300ms";

fn file(name: &str) -> PathBuf {
    binary::repository().join("docs/ci").join(name)
}

#[test]
fn they_are_valid_by_the_published_schemas() {
    for (name, more) in [
        ("github.yml", &["--builtin-schema", "vendor.github-workflows"][..]),
        ("gitlab.yml", &["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"][..]),
    ] {
        let validate =
            |path: &Path| Builder::new(need::made("ci-tools/bin/check-jsonschema")).args(more).arg(path).run(LIMIT);
        validate(&file(name)).expect_code(0);
        let folder = tempfile::tempdir().expect("a folder for the test");
        let broken = folder.path().join(name);
        let text = std::fs::read_to_string(file(name)).expect("the repository can be read");
        std::fs::write(&broken, text.replace("timeout", "time_out").replace("runs-on", "runs_on"))
            .expect("a test's folder can be written to");
        let ran = validate(&broken);
        assert_eq!(ran.code, Some(1), "{name}: a key that there is not is found\n{ran}");
    }
}

/// A job's folder, and what its service sets.
struct Job {
    folder: tempfile::TempDir,
    service: &'static str,
    /// Where the publisher's server listens, so that others find it.
    rtsp: String,
}

impl Job {
    fn new(service: &'static str) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder for the test"),
            service,
            rtsp: lasting_address().to_string(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs all scripts, up to the first that fails; on the main branch or in a change of somebody's.
    fn run(&self, main: bool, url: Option<&str>) -> Finished {
        let steps = Builder::new(need::made("ci-tools/bin/python"))
            .arg(binary::repository().join("tests/ci/steps.py"))
            .arg(self.service)
            .arg(file(&format!("{}.yml", self.service)))
            .run(LIMIT)
            .expect_code(0);
        let steps: Value = serde_json::from_str(&steps.stdout.join("\n")).expect("it prints JSON");
        let mut last = None;
        for script in steps["scripts"].as_array().expect("a list") {
            let ran = self.script(&steps["env"], script, main, url);
            let failed = ran.code != Some(0);
            last = Some(ran);
            if failed {
                break;
            }
        }
        last.expect("there are scripts")
    }

    fn script(&self, env: &Value, script: &Value, main: bool, url: Option<&str>) -> Finished {
        // GitHub writes a step into a file and runs it by `bash -e`; GitLab sets pipefail too.
        let (flags, branch) = match self.service {
            "github" => ("-e", if main { "main" } else { "7/merge" }),
            _ => ("-eo", if main { "trunk" } else { "somebodys-change" }),
        };
        let path = self.path("step.sh");
        std::fs::write(&path, script["text"].as_str().expect("a text")).expect("a test's folder can be written to");
        let binaries = binary::path("framelag").parent().expect("it lies in a folder").display().to_string();
        let path_variable = format!("{binaries}:{}", std::env::var("PATH").expect("there is a PATH"));
        let mut step = Builder::new("env").arg("-C").arg(self.folder.path()).arg("bash").arg(flags);
        if self.service == "gitlab" {
            step = step.arg("pipefail");
        }
        step = step.arg(&path);
        for (name, value) in [env, &script["env"]].into_iter().flat_map(|env| env.as_object().expect("a map")) {
            step = step.env(name, value.as_str().expect("a text"));
        }
        step = match self.service {
            "github" => step
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_REF_NAME", branch)
                .env("GITHUB_STEP_SUMMARY", self.path("summary.md")),
            _ => step
                .env("GITLAB_CI", "true")
                .env("CI_PROJECT_DIR", self.folder.path())
                .env("CI_COMMIT_REF_NAME", branch)
                .env("CI_DEFAULT_BRANCH", "trunk"),
        };
        // Where nobody has to find it, it is where the file has it: anywhere.
        if let Some(url) = url {
            step = step.env("FRAMELAG_RTSP", &self.rtsp).env("FRAMELAG_URL", url);
        }
        step.env("CI", "true")
            .env("PATH", path_variable)
            .env("FRAMELAG_RUNS", "4")
            .env("FRAMELAG_WARMUP", "500ms")
            .env("FRAMELAG_DURATION", "2500ms")
            .env("FRAMELAG_METRIC", "p50")
            .env("FRAMELAG_MAX_REGRESSION", "100%")
            .run(LIMIT * 2)
    }

    fn url(&self) -> String {
        format!("rtsp://{}/cam", self.rtsp)
    }

    /// A publisher where the steps' own would be.
    fn publisher(&self) -> Process {
        let mut publisher = Builder::new(binary::path("publisher"))
            .args(["--source", "test", "--http", "127.0.0.1:0", "--rtsp", &self.rtsp])
            .spawn();
        publisher.wait_for_line("the publisher's URL", LIMIT, |line| line.contains(&self.rtsp).then_some(()));
        publisher
    }

    /// A proxy before the server that makes everything later, and the URL behind it.
    fn slower(&self) -> (Process, String) {
        let mut proxy = Builder::new(binary::path("framelag"))
            .args(["impair", "--listen", "tcp://127.0.0.1:0", "--to", &format!("tcp://{}", self.rtsp)])
            .args(["--back-delay", DELAY])
            .spawn();
        let listen = proxy.wait_for_line("the proxy's address", LIMIT, |line| address_in(line, "tcp"));
        (proxy, format!("rtsp://{listen}/cam"))
    }
}

/// What the gate said, in the artifact.
fn gate(job: &Job) -> Value {
    serde_json::from_str(&job.read("latency/gate.json")).expect("it is JSON")
}

fn runs_are_kept(job: &Job) {
    for run in 1..=4 {
        assert!(job.path(&format!("latency/runs/{run}/run.json")).is_file(), "run {run} is in the artifact");
    }
}

#[test]
fn githubs_steps_keep_a_baseline_and_fail_a_regression() {
    let _turn = turn::share();
    let job = Job::new("github");
    // The address is taken, so that the steps' own publishers do not begin: that alone ends no job.
    let other = job.publisher();
    let ran = job.run(false, Some(&job.url())).expect_code(0);
    drop(other);
    runs_are_kept(&job);
    assert!(ran.stdout.iter().any(|line| line.starts_with("::warning") && line.contains("no baseline yet")), "{ran}");
    assert!(!job.path("latency-baseline.sqlite").exists(), "a change of somebody's keeps none");

    let ran = job.run(true, None).expect_code(0);
    assert!(job.path("latency-baseline.sqlite").is_file(), "{ran}");
    assert!(job.read("summary.md").contains("kept as the baseline"), "{ran}");

    let (_proxy, url) = job.slower();
    let ran = job.run(false, Some(&url)).expect_code(99);
    let page = job.read("summary.md");
    assert!(page.contains("framelag gate: regression") && page.contains("| baseline |"), "{page}\n{ran}");
    assert_eq!(gate(&job)["verdict"], "regression");
    assert!(job.read("latency/gate.md").contains("regression"));
    runs_are_kept(&job);
}

#[test]
fn gitlabs_steps_keep_a_baseline_and_fail_a_regression() {
    let _turn = turn::share();
    let job = Job::new("gitlab");
    let ran = job.run(true, None).expect_code(0);
    assert!(job.path("latency-baseline.sqlite").is_file(), "{ran}");

    // Nothing changed. A busy machine may make that inconclusive; a regression of twice the latency it is not.
    let ran = job.run(false, None);
    assert!([Some(0), Some(3)].contains(&ran.code), "{ran}");
    let same = gate(&job);
    assert_eq!(
        (&same["metric"], same["baseline"]["runs"].as_array().map(Vec::len)),
        (&"latency_ms.p50".into(), Some(4))
    );

    let (_proxy, url) = job.slower();
    let ran = job.run(false, Some(&url)).expect_code(99);
    assert!(ran.stdout.iter().any(|line| line.starts_with("verdict") && line.contains("regression")), "{ran}");
    assert!(job.read("latency/gate.md").contains("regression"));
    runs_are_kept(&job);
}
