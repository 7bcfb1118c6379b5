//! One call of a server's tool: asked, timed, and taken back when nobody waits for it any longer.

use creel_core::tools::{Job, ToolOutcome};
use rmcp::{
    Peer, RoleClient,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotificationParam,
        ClientRequest, ContentBlock, RequestId, ResourceContents, ServerResult,
    },
    service::{PeerRequestOptions, RequestHandle, ServiceError},
};

use super::{Connection, Server};

impl Server {
    pub(super) async fn call(&self, job: &Job) -> ToolOutcome {
        let connection = self.connection.lock().expect("no holder of this lock panics").clone();
        let Some(Connection { peer, names }) = connection else {
            return ToolOutcome::Failed("the tool's server is not connected".to_owned());
        };
        let Some(name) = names.get(&job.name) else {
            return ToolOutcome::Failed("the tool's server has it no longer".to_owned());
        };
        let Ok(arguments) = serde_json::from_str(&job.arguments) else {
            return ToolOutcome::Failed("the arguments are not a JSON object".to_owned());
        };
        let params = CallToolRequestParams::new(name.clone()).with_arguments(arguments);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = PeerRequestOptions::with_timeout(self.settings.call_within);
        let called = match peer.send_cancellable_request(request, options).await {
            Ok(handle) => Asking::of(&handle).wait(handle).await,
            Err(error) => Err(error),
        };
        match called {
            Ok(ServerResult::CallToolResult(result)) => self.outcome(&result),
            Ok(_) => ToolOutcome::Failed("the tool's server answered something else".to_owned()),
            Err(ServiceError::Timeout { timeout }) => {
                ToolOutcome::Failed(format!("the tool did not finish within {timeout:?}"))
            }
            Err(error) => ToolOutcome::Failed(self.redact(&error.to_string())),
        }
    }

    fn outcome(&self, result: &CallToolResult) -> ToolOutcome {
        let mut parts: Vec<String> = result.content.iter().map(part).collect();
        if let (true, Some(structured)) = (parts.is_empty(), &result.structured_content) {
            parts.push(structured.to_string());
        }
        let text = self.redact(&parts.join("\n"));
        match result.is_error {
            Some(true) => ToolOutcome::Failed(text),
            Some(false) | None => ToolOutcome::Done(text),
        }
    }
}

/// What a model is told of a part of a result.
fn part(content: &ContentBlock) -> String {
    match content {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("[an image, {}]", image.mime_type),
        ContentBlock::Audio(audio) => format!("[a sound, {}]", audio.mime_type),
        ContentBlock::Resource(resource) => match &resource.resource {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            ResourceContents::BlobResourceContents { uri, .. } => format!("[a file, {uri}]"),
            _ => "[something else]".to_owned(),
        },
        ContentBlock::ResourceLink(link) => format!("[{}, {}]", link.name, link.uri),
        _ => "[something else]".to_owned(),
    }
}

/// A call under way. Dropped before its end, it tells the server that nobody waits any longer.
struct Asking {
    peer: Peer<RoleClient>,
    id: Option<RequestId>,
}

impl Asking {
    fn of(handle: &RequestHandle<RoleClient>) -> Self {
        Self { peer: handle.peer.clone(), id: Some(handle.id.clone()) }
    }

    async fn wait(
        mut self,
        handle: RequestHandle<RoleClient>,
    ) -> Result<ServerResult, ServiceError> {
        let ended = handle.await_response().await;
        self.id = None;
        ended
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        // While the process ends there is no runtime to tell anybody by.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let peer = self.peer.clone();
        let param =
            CancelledNotificationParam::new(Some(id), Some("the turn was ended".to_owned()));
        runtime.spawn(async move { peer.notify_cancelled(param).await });
    }
}
