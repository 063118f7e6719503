use super::testing::realistic;
use super::*;

#[test]
fn look() {
    let folder = std::env::var("LOOK").unwrap_or("/tmp/sweeplook".to_owned());
    for (name, repeats) in [("three", 3), ("one", 1)] {
        let mut sweep = realistic(7, repeats);
        sweep.name = "Bit rate × GOP × transport".to_owned();
        sweep.rows[5].outcome = Outcome::Failed;
        sweep.rows[5].why = Some("the publisher ended: \"no such device\"".to_owned());
        sweep.rows[5].figures = Figures::default();
        let folder = Path::new(&folder).join(name);
        fs::create_dir_all(&folder).unwrap();
        write(&folder, &sweep).unwrap();
    }
}
