//! The tenant: its currency, calendar, prices, policy and tax rates. Stream `tenant/self`.
//!
//! Not here: its stores and users, which have streams of their own.

use std::collections::BTreeMap;

use schemas::events::admin::{AdminEvent, StockPolicy};
use schemas::events::movement::{MovementPolicySet, PolicyEvent};
use schemas::events::settings::{LetterheadSet, RepairTermsSet, Series, SettingsEvent};
use schemas::{Currency, TaxCode, TenantId};
use serde::{Deserialize, Serialize};

use super::numbering::Numbering;
use super::set_repair_terms::DEFAULT_REPAIR_TERMS;
use crate::refusal::Refusal;
use crate::state::State;
use crate::streams;
use crate::work::{Missing, Work};

/// The organisation's own settings, which nearly every command reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    pub name: String,
    pub currency: Currency,
    /// IANA name; checked when the tenant was created.
    pub time_zone: String,
    /// Whether the prices of items and sales contain the tax, or it is added to them.
    pub prices_include_tax: bool,
    /// Whether counted items may be sold below zero.
    pub stock_policy: StockPolicy,
    pub tax_rates: BTreeMap<TaxCode, TaxRate>,
    /// What stands on documents; absent until it is set.
    pub letterhead: Option<Box<LetterheadSet>>,
    /// Documents of these kinds have numbers of the tenant's own.
    pub numbering: BTreeMap<Series, Numbering>,
    /// Targets and warranty for repairs; the defaults until they are set.
    pub repair_terms: RepairTermsSet,
    /// From which size on movements of stock wait for approval.
    pub movement_policy: MovementPolicySet,
}

/// What a tax code stands for at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    pub name: String,
    /// Parts per million: 150,000 is 15 %.
    pub rate_ppm: i64,
}

impl Tenant {
    pub(crate) fn evolve(slot: &mut Option<Box<Tenant>>, event: &AdminEvent) {
        match event {
            AdminEvent::TenantCreated(created) => {
                *slot = Some(Box::new(Tenant {
                    name: created.name.clone(),
                    currency: created.currency,
                    time_zone: created.time_zone.clone(),
                    prices_include_tax: created.prices_include_tax,
                    stock_policy: created.stock_policy,
                    tax_rates: BTreeMap::new(),
                    letterhead: None,
                    numbering: BTreeMap::new(),
                    repair_terms: DEFAULT_REPAIR_TERMS,
                    movement_policy: MovementPolicySet::default(),
                }));
            }
            AdminEvent::TenantRenamed(renamed) => {
                if let Some(tenant) = slot {
                    tenant.name.clone_from(&renamed.name);
                }
            }
            AdminEvent::StockPolicyChanged(changed) => {
                if let Some(tenant) = slot {
                    tenant.stock_policy = changed.stock_policy;
                }
            }
            AdminEvent::TaxRateSet(set) => {
                if let Some(tenant) = slot {
                    let rate = TaxRate {
                        name: set.name.clone(),
                        rate_ppm: set.rate_ppm,
                    };
                    tenant.tax_rates.insert(set.tax_code.clone(), rate);
                }
            }
            AdminEvent::StoreOpened(_)
            | AdminEvent::StoreClosed(_)
            | AdminEvent::StoreReopened(_)
            | AdminEvent::StoreRenamed(_)
            | AdminEvent::TerminalRegistered(_)
            | AdminEvent::TerminalRetired(_)
            | AdminEvent::TerminalRenamed(_)
            | AdminEvent::UserCreated(_)
            | AdminEvent::UserRenamed(_)
            | AdminEvent::UserRoleChanged(_)
            | AdminEvent::UserPasswordChanged(_)
            | AdminEvent::UserDisabled(_)
            | AdminEvent::UserEnabled(_) => {}
        }
    }

    pub(crate) fn set(&mut self, event: &SettingsEvent) {
        match event {
            SettingsEvent::LetterheadSet(letterhead) => self.letterhead = Some(Box::new(letterhead.clone())),
            SettingsEvent::NumberingSet(set) => {
                let numbering = Numbering {
                    prefix: set.prefix.clone(),
                    next: set.next,
                    digits: set.digits,
                };
                self.numbering.insert(set.series, numbering);
            }
            SettingsEvent::NumberingEnded(ended) => {
                self.numbering.remove(&ended.series);
            }
            SettingsEvent::RepairTermsSet(terms) => self.repair_terms = *terms,
            // It stands in the counter's own stream.
            SettingsEvent::NumberTaken(_) => {}
        }
    }

    pub(crate) fn set_policy(&mut self, event: &PolicyEvent) {
        let PolicyEvent::MovementPolicySet(set) = event;
        self.movement_policy = set.clone();
    }

    pub(crate) fn weight(&self) -> usize {
        let rates: usize = self.tax_rates.values().map(|rate| rate.name.len() + 100).sum();
        size_of::<Self>()
            + self.name.len()
            + self.time_zone.len()
            + rates
            + self.numbering.len() * 120
            + self.letterhead.as_ref().map_or(0, |_| 2_048)
    }

    /// The rate of a tax code in parts per million; no code means no tax.
    ///
    /// # Errors
    /// [`Refusal::TaxCodeNotFound`].
    pub fn rate_ppm(&self, tax_code: Option<&TaxCode>) -> Result<i64, Refusal> {
        let Some(code) = tax_code else { return Ok(0) };
        let rate = self.tax_rates.get(code).ok_or_else(|| Refusal::TaxCodeNotFound {
            tax_code: code.clone(),
        })?;
        Ok(rate.rate_ppm)
    }
}

impl Work<'_> {
    /// The tenant that the command belongs to.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it is not loaded; [`Refusal::TenantNotFound`] when it was never created.
    pub fn tenant(&self, tenant: &TenantId) -> Result<&Tenant, Missing> {
        let State::Tenant(Some(found)) = self.state(&streams::tenant())? else {
            return Err(Refusal::TenantNotFound {
                tenant: tenant.clone(),
            }
            .into());
        };
        Ok(found)
    }
}
