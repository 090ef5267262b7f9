//! What is asked of the service: by its callers, by the machinery around it, and by those who run it.

use std::sync::Arc;

use axum::{Router, extract::Path, extract::State, http::StatusCode, routing::post};
use etcd_config::{Live, Resource, http};

use crate::{limiter::Limiter, pool::Pool, settings::Settings};

type App = (Live<Settings>, Resource<Pool>, Arc<Limiter>);
type Answer = Result<String, (StatusCode, &'static str)>;

pub(crate) fn router(settings: &Live<Settings>, pool: Resource<Pool>) -> Router {
    // `readyz` asks for no word of etcd (`Probe::fresh_within`): an outage of it would take out all processes at once.
    let page = http::service(settings);
    Router::new()
        .route("/tenants/{tenant}/payments", post(pay))
        .with_state((settings.clone(), pool, Arc::new(Limiter::full())))
        .route_service("/healthz", page.clone())
        .route_service("/readyz", page.clone())
        .route_service("/metrics", page.clone())
        // It has no login: keep this path from the world outside.
        .nest_service("/internal/config", page)
}

async fn pay(State(app): State<App>, Path(name): Path<String>, amount: String) -> Answer {
    let (settings, pool, limiter) = app;
    // One snapshot for the whole request: what it reads belongs together, whatever changes meanwhile.
    let settings = settings.snapshot();
    if settings.features.get("payments") == Some(&false) {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "payments are switched off\n"));
    }
    if !limiter.admits(&settings.limits) {
        return Err((StatusCode::TOO_MANY_REQUESTS, "too many requests\n"));
    }
    let tenant = settings.tenants.get(&name).ok_or((StatusCode::NOT_FOUND, "there is no such tenant\n"))?;
    let amount = amount.trim().parse::<u64>().map_err(|_| (StatusCode::BAD_REQUEST, "not an amount\n"))?;
    if amount > tenant.max_amount {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, "more than this tenant may pay\n"));
    }
    tracing::debug!(name, amount, "a payment");
    // Kept while it is waited for, even if it is replaced meanwhile.
    let pool = pool.load_full();
    Ok(pool.book(&format!("{amount} of {name}")).await)
}
