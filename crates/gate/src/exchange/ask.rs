//! Asking a modern client: the question waits until the client is told and comes back.

use durward_core::{Ask, AskFault, BoxFuture, Question, RawJson};

use super::parked::Parked;

impl Ask for Parked {
    fn ask<'a>(
        &'a self,
        question: Question,
        params: RawJson,
    ) -> BoxFuture<'a, Result<RawJson, AskFault>> {
        Box::pin(async move {
            let (number, answer) = match self.put(question, params) {
                Ok(put) => put,
                // The work is about to be dropped, and can't be let go on asking until then.
                Err(_) if !self.is_live() => return std::future::pending().await,
                Err(fault) => return Err(fault),
            };
            let _withdrawn = Withdraw {
                parked: self,
                number,
            };
            let _held = self.stopwatch.hold();
            answer.await.unwrap_or(Err(AskFault::Gone))
        })
    }
}

struct Withdraw<'a> {
    parked: &'a Parked,
    number: u64,
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        self.parked.withdraw(self.number);
    }
}
