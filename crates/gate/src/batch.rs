//! Batches, which 2025-03-26 alone has (JSON-RPC 2.0, section 6).

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use durward_core::{Body, Era};
use durward_wire::{
    code,
    scan::{Message, ScanLimits, scan},
};
use tokio::task::JoinSet;

use crate::{
    encode::{self, Reply},
    gate::Gate,
    post::{Carried, Messages, Posted, Running, answered},
    session::Session,
    standing::Standing,
};

impl Gate {
    /// The members of a batch, each on its own walk; one array comes back (2025-03-26 alone).
    pub(crate) fn batch(
        self: &Arc<Self>,
        standing: &Arc<Standing>,
        session: &Arc<Session>,
        members: Vec<Bytes>,
        limits: ScanLimits,
    ) -> Posted {
        let mut replies: Vec<Option<Body>> = Vec::new();
        let mut running = Vec::new();
        for member in members {
            match scan(&member, limits) {
                Ok(Message::Request(request)) => {
                    let place = replies.len();
                    replies.push(None);
                    if request.method.as_str() == "initialize" {
                        let error =
                            code::error(code::INVALID_REQUEST, "`initialize` can't be batched");
                        let reply = encode::error(Some(&request.id), Era::Legacy, &error);
                        replies[place] = reply.into_body();
                        continue;
                    }
                    match self.legacy(standing, session, request, Carried::InBatch) {
                        Ok(work) => running.push((place, work.work)),
                        Err(reply) => replies[place] = reply.into_body(),
                    }
                }
                Ok(Message::Notification(notification)) => {
                    self.notified(session, &notification);
                }
                Ok(Message::Response(response)) => answered(session, &response),
                Ok(Message::Batch(_)) => {
                    let error = code::error(code::INVALID_REQUEST, "a batch in a batch");
                    replies.push(encode::error(None, Era::Legacy, &error).into_body());
                }
                Err(malformed) => {
                    let id = malformed.id.clone();
                    let reply = encode::error(id.as_ref(), Era::Legacy, &malformed.to_error());
                    replies.push(reply.into_body());
                }
            }
        }
        if replies.is_empty() {
            return Posted::Accepted;
        }
        let work = Box::pin(async move {
            let mut set = JoinSet::new();
            for (place, work) in running {
                set.spawn(async move { (place, work.await) });
            }
            while let Some(done) = set.join_next().await {
                if let Ok((place, reply)) = done {
                    replies[place] = reply.into_body();
                }
            }
            if replies.iter().all(Option::is_none) {
                return Reply::Silent;
            }
            Reply::Message {
                status: 200,
                body: array(&replies),
            }
        });
        Posted::Running(Running {
            work,
            messages: Messages::None,
            era: Era::Legacy,
        })
    }
}

/// Answers as one array.
pub(crate) fn array(replies: &[Option<Body>]) -> Body {
    let mut out = BytesMut::new();
    out.put_u8(b'[');
    for (place, reply) in replies.iter().flatten().enumerate() {
        if place > 0 {
            out.put_u8(b',');
        }
        for part in reply.parts() {
            out.put_slice(part);
        }
    }
    out.put_u8(b']');
    out.freeze().into()
}
