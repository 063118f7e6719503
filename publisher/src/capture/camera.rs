//! stub
use super::*;
/// stub
pub struct Source;
/// stub
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct Error;
/// stub
pub fn first() -> Option<u32> {
    None
}
/// stub
pub fn list() -> String {
    String::new()
}
impl Source {
    /// stub
    pub fn open(_: u32, _: Wish, _: Arc<dyn Clock>, _: Log) -> Result<Self, Error> {
        Err(Error)
    }
}
impl super::Source for Source {
    fn format(&self) -> Format {
        unreachable!()
    }
    fn describe(&self) -> String {
        unreachable!()
    }
    fn next(&mut self, _: Duration) -> Result<Next, super::Error> {
        unreachable!()
    }
    fn recycle(&mut self, _: Picture) {}
}
